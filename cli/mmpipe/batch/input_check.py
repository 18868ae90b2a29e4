"""Checks the input before the first request, as far as it can be known: files are read whole, a pipe is not."""

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from errno import EACCES, EISDIR
from pathlib import Path
from typing import Final

from mmpipe.batch.input_counts import InputCounts, count_records
from mmpipe.batch.input_description import describe_input
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.journal.sidecar import (
    Sidecar,
    changed_settings,
    changes,
    hash_content,
    new_salt,
    read_sidecar,
    write_sidecar,
)
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.deadline import Deadline
from mmpipe.batch.record_check import refuse_overlong
from mmpipe.batch.records.formats.record_format import NEWLINE, NUL, FormatOptions
from mmpipe.batch.records.input_file import InputFile, find_files
from mmpipe.batch.records.records import BadRecord, FoundRecord, Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import Piece, read_pieces
from mmpipe.batch.request_findings import RequestFindings
from mmpipe.core.catalogue import find_model
from mmpipe.core.effort import describe_missing_effort
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.core.parameters import describe_ignored
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.unix.streams import Input
from mmpipe.writers.console import Console

_COMPARED: Final = 997  # one in so many records that seem to be answered is compared all the same


@dataclass(frozen=True, slots=True)
class BatchInput:
    """The input of a batch: the options that choose its records, and the defaults of their requests.

    `host` is the identity of the host that would be asked, or None for the default one. `columns` are those of the tables
    that were read so far.
    """

    options: BatchOptions
    stdin: Input
    defaults: RequestDefaults
    host: str | None = None
    columns: dict[str, None] = field(default_factory=dict, init=False)

    @property
    def is_files(self) -> bool:
        """True if all of the input is in files, which can be read twice."""
        paths = self.options.records.files
        return bool(paths) and all(path != "-" and Path(path).is_file() for path in paths)

    @property
    def separator(self) -> bytes:
        """The byte that ends a record of text."""
        return NUL if self.options.records.null else NEWLINE

    def find_files(self) -> Sequence[InputFile]:
        """The files with their present ends; what is appended later is not part of the input."""
        return find_files(self.options.records.files, self.stdin)

    def pieces(
        self, files: Sequence[InputFile], hold: Callable[[Iterable[bytes]], Iterator[bytes]] = iter
    ) -> Iterator[Piece]:
        """The pieces of the files; their bytes come through `hold`."""
        return read_pieces(files, hold, self.options.encoding.codec, has_nul=self.options.records.null)

    def records(
        self, pieces: Iterable[Piece | None], is_answered: Callable[[str, bool], bool] | None = None
    ) -> Iterator[FoundRecord | None]:
        """The records in the pieces; those whose id `is_answered` are not parsed."""
        name, columns = self.options.records.input_format, self.defaults.request_columns
        needed = self.defaults.needed_fields
        options = FormatOptions(
            name, self.separator, request_columns=columns, needed=needed, on_columns=self._add_columns
        )
        records = read_records(pieces, self.defaults, options, is_answered)
        return map(refuse_overlong, records) if self._asks_minimax else records

    def _add_columns(self, names: Iterable[str]) -> None:
        self.columns.update(dict.fromkeys(names))

    def findings(self) -> RequestFindings:
        """Findings without a request, which leave out what the user has read about the defaults."""
        defaults = self.defaults
        reported = {*describe_ignored(defaults.parameters, find_model(defaults.model))}
        if defaults.effort is not None:
            reported |= {*filter(None, [describe_missing_effort(defaults.effort, defaults.model)])}
        return RequestFindings(self._asks_minimax, frozenset(reported), defaults.effort, defaults.template)

    @property
    def _asks_minimax(self) -> bool:
        return not self.options.recordings.is_replay and follows_catalogue(self.host)

    def takes(self, found: FoundRecord) -> bool:
        """True if the record belongs to this shard."""
        shard = self.options.selection.shard
        return shard is None or shard.takes(str(found.index) if found.id is None else found.id, found.index)


@dataclass(frozen=True, slots=True)
class RecordSource:
    """The input of a run: a thread reads its pieces, and the event loop makes `records` of them.

    None, among pieces and records, means that the next is not there yet. `takes` decides which records belong to this
    shard. With `checked` no id is repeated. At most `limit` records are begun.
    """

    pieces: Iterator[Piece]
    records: Callable[[Iterable[Piece | None]], Iterator[FoundRecord | None]]
    takes: Callable[[FoundRecord], bool]
    checked: bool
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class InputFacts:
    """Facts about the input before it is asked: its files, and the `total` of the records of this run if it is known.

    `checked` means that all of it was read and no id is repeated, `unchanged` that the journal was made of it.
    """

    files: Sequence[InputFile]
    total: int | None = None
    checked: bool = False
    unchanged: bool = False


def check_input(
    source: BatchInput, journal: Journal | None, console: Console, deadline: Deadline
) -> InputFacts:
    """Read files whole, unless the run before has read the same ones; raises InputError for bad records, TimedOut.

    A pipe is read later, as it comes.
    """
    options = source.options.selection
    _check_readable(source.options.records.files)
    then = None if journal is None or not len(journal) else read_sidecar(journal.path)
    salt = then.salt if then is not None else new_salt(os.curdir if journal is None else journal.path)
    now = describe_input(source.options, source.defaults, salt) if source.is_files else None
    # After the fingerprints: if a file grows in between, the next run sees that it has changed.
    files = source.find_files()
    if now is None:
        return InputFacts(files)
    is_of_this_host = journal is None or journal.earlier.other_host is None
    if then is not None and then.records is not None and is_of_this_host and _is_same(then, now, files):
        is_whole = options.shard is None and options.limit is None
        for file in files:
            file.is_known = True
        return InputFacts(files, then.records if is_whole else None, checked=True, unchanged=True)
    if journal is not None:
        journal.changed_settings = changed_settings(then, now)
    pieces = deadline.hold(source.pieces(files, deadline.hold))
    counts = _check_records(source, pieces, journal, console.warn)
    # An error above has the same cause, and names it.
    for warning in changes(then, now):
        console.warn(warning)
    if journal is not None:
        known = replace(now, taken=counts.taken)
        # Not where records are bad or name files, so that the next run reads them again.
        if not (counts.bad or counts.read_files):
            known = replace(known, records=counts.records, content=hash_content(counts.content, salt))
        write_sidecar(journal.path, known)
    limit = options.limit
    total = counts.taken if limit is None else min(counts.taken, counts.answered + limit)
    return InputFacts(files, total, checked=not counts.bad)


def _check_records(
    source: BatchInput, pieces: Iterable[Piece], journal: Journal | None, warn: Callable[[str], None]
) -> InputCounts:
    """Count the records, and warn of odd requests; raises InputError for bad ones, unless --keep-going accepts them."""
    findings = source.findings()
    counts = count_input(source, pieces, journal, findings.add_record)
    if not source.options.selection.keep_going:
        counts.check()
    for sentence in findings.sentences():
        warn(sentence)
    return counts


def count_input(
    source: BatchInput,
    pieces: Iterable[Piece],
    journal: Journal | None,
    on_open: Callable[[Record], object] = lambda _: None,
) -> InputCounts:
    """Count the records of the whole input, and call `on_open` with each that has no good answer yet.

    Raises InputError for an id that the journal has with another request.
    """
    records = (found for found in source.records(pieces) if isinstance(found, Record | BadRecord))
    return count_records(records, journal, source.takes, on_open)


def open_source(
    source: BatchInput, facts: InputFacts, journal: Journal | None, warn: Callable[[str], None]
) -> RecordSource:
    """The input as a run takes it; warns of odd requests that were not counted before, each kind once."""
    is_answered = _has_answer(journal) if facts.unchanged and journal is not None else None

    def records(pieces: Iterable[Piece | None]) -> Iterator[FoundRecord | None]:
        found = source.records(pieces, is_answered)
        return found if source.is_files else source.findings().watch(found, source.takes, warn)

    pieces, limit = source.pieces(facts.files), source.options.selection.limit
    return RecordSource(pieces, records, source.takes, facts.checked, limit)


def _check_readable(paths: Sequence[str]) -> None:
    """Raise InputError for a file that cannot be read; a pipe is not opened, since that may wait for its writer."""
    for path in paths:
        if path == "-":
            continue
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            raise InputError.from_os(path, error) from error
        if stat.S_ISDIR(mode) or not os.access(path, os.R_OK):
            number = EISDIR if stat.S_ISDIR(mode) else EACCES
            raise InputError.from_os(path, OSError(number, os.strerror(number)))


def _has_answer(journal: Journal) -> Callable[[str, bool], bool]:
    """A test for good answers, by the name of a record: its own id or its place.

    Every so many ids count as unanswered, so that their requests are compared. This detects that another file has taken
    the name of the journal.
    """
    counted = itertools.count()
    return lambda name, is_own: next(counted) % _COMPARED != 0 and journal.is_good(name, has_own_id=is_own)


def _is_same(then: Sidecar, now: Sidecar, files: Sequence[InputFile]) -> bool:
    before = then.settings, then.shard, then.inputs, len(then.inputs)
    if before != (now.settings, now.shard, now.inputs, len(files)):
        return False
    return all(
        file.found is not None and known.matches(file.found)
        for file, known in zip(files, now.inputs, strict=True)
    )
