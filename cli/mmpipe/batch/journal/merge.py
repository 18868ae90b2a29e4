"""Merges the journals of shards into one file with each id once, and reports missing records."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.journal.findings import Findings
from mmpipe.batch.journal.journal_file import ReopenedJournal, unchanged
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import Entry
from mmpipe.batch.journal.shard_comparison import ShardComparison
from mmpipe.batch.journal.shard_counts import ShardCounts
from mmpipe.batch.journal.sidecar import read_sidecar
from mmpipe.batch.journal.sort import (
    DROPPED,
    find_places,
    lines_by_index,
    mark_lines,
    taken_lines,
    write_lines,
)
from mmpipe.errors import InputError
from mmpipe.unix.locks import lock_to_read
from mmpipe.unix.streams import Output

_EXAMPLES: Final = 10
# Each takes a byte of memory.
_MOST_PLACES: Final = 1 << 27
_SIZE_UNKNOWN: Final = "no journal has the size of its input, so that only gaps are found"


@dataclass(slots=True)
class MergeReport:
    """Result of a merge: records written, ids without a good answer, ids in several files, missing indexes.

    `paths` are the files, `shards` has counts by shard, and `comparison` what differs among shards. `repeated_in` are two
    files of the first repeated id. `different` are ids of two requests. `unchecked` is the reason why further indexes may
    be missing, or None. `hosts` are the first hosts with good answers.
    """

    paths: Sequence[str]
    shards: ShardCounts
    comparison: ShardComparison
    records: int = 0
    failed: Findings = field(default_factory=Findings)
    repeated: Findings = field(default_factory=Findings)
    repeated_in: tuple[str, ...] = ()
    different: Findings = field(default_factory=Findings)
    missing: Findings = field(default_factory=Findings)
    unchecked: str | None = None
    hosts: list[str] = field(default_factory=list)

    def add_failed(self, record: Entry) -> None:
        """Count a record without a good answer."""
        self.failed.add(record.name)
        self.shards.add_failed(record)

    def add_repeated(self, name: str, *files: int) -> None:
        """Count an id that is in these files."""
        self.repeated.add(name)
        self.repeated_in = self.repeated_in or tuple(self.paths[file] for file in files)


def merge(
    paths: Sequence[str],
    out: Output,
    start_rendering: Callable[[Iterable[bytes]], Callable[[bytes], bytes]] = lambda _: bytes,
    *,
    wanted: JournalFormat | None = None,
    in_order: bool = False,
) -> MergeReport:
    """Write the last good line of each record, or else its last one, in the order of the files or of the index.

    `start_rendering` gets all lines to look at, and returns the function that makes the bytes of a line. `wanted` is the
    format that the lines must have, if the user names one.

    For a record in several files, take the first good line and report the id. Ignore a torn last line.
    Raises InputError for a file that is not a journal and for lines in several formats, Busy for a file that a run is
    writing to, OutputError.
    """
    comparison = ShardComparison()
    sidecars = comparison.compare((path, read_sidecar(path)) for path in paths)
    merged = MergeReport(paths, ShardCounts(sidecars), comparison)
    indexes, formats = _SeenIndexes(merged.shards), _Formats(wanted)
    sources = [ReopenedJournal(path, lock_to_read) for path in paths]
    with unchanged(sources):
        entries = (
            formats.checked(source.path, indexes.seen_in(_note_hosts(merged.hosts, source.entries())))
            for source in sources
        )
        marks = mark_lines(entries, merged.add_repeated, merged.different.add)
        render = start_rendering(line for _, _, line in taken_lines(sources, marks))
        found = taken_lines(sources, marks, merged.add_failed)
        lines = lines_by_index(sources, find_places(found)) if in_order else (line for _, _, line in found)
        write_lines(out, lines, render)
    merged.records = sum(len(own) - own.count(DROPPED) for own in marks)
    merged.missing, merged.unchecked = indexes.compare(merged.shards.size)
    return merged


def _note_hosts(hosts: list[str], records: Iterable[Entry]) -> Iterator[Entry]:
    """Pass the records on, and add the first hosts of good answers to `hosts`."""
    for record in records:
        if record.good and record.host is not None and record.host not in hosts and len(hosts) < _EXAMPLES:
            hosts.append(record.host)
        yield record


class _Formats:
    """Format of all lines, and the first file that has it; another one than `wanted` is refused."""

    def __init__(self, wanted: JournalFormat | None) -> None:
        self._wanted = wanted
        self._first: tuple[JournalFormat, str] | None = None

    def checked(self, path: str, records: Iterable[Entry]) -> Iterator[Entry]:
        """Pass the records of a file on; raises InputError for one in another format than those before."""
        for record in records:
            if self._first is None:
                self._first = record.format, path
                if self._wanted not in (None, record.format):
                    raise InputError(
                        f"{path} has lines in -F {record.format}, which are not turned into {self._wanted}"
                    )
            if record.format != self._first[0]:
                found, first = self._first
                raise InputError(
                    f"{first} has lines in --format {found}, and {path} in --format {record.format}",
                    hint="only journals of one format can be joined",
                )
            yield record


class _SeenIndexes:
    """Indexes of the input that have a record; the first record of each is counted for its shard."""

    def __init__(self, shards: ShardCounts) -> None:
        self._shards = shards
        self._seen = bytearray()
        self._too_many: int | None = None
        self._has_records = False

    def seen_in(self, records: Iterable[Entry]) -> Iterator[Entry]:
        """Pass the records on, and note their indexes."""
        for record in records:
            self._has_records = True
            index = record.index
            if index is not None:
                self._expect(index + 1)
            if index is None or index >= len(self._seen):
                self._shards.add_unplaced()
            elif not self._seen[index]:
                self._seen[index] = 1
                self._shards.add_record(record)
            yield record

    def compare(self, size: int | None) -> tuple[Findings, str | None]:
        """Return the indexes without a record, and the reason why further ones may be missing, or None.

        `size` is the number of records in the input, if it is known.
        """
        if self._has_records and 1 not in self._seen and self._too_many is None:
            return Findings(), "no record has its index in the input"
        is_known = size is not None and size >= len(self._seen)
        self._expect(size or 0)
        if self._too_many is not None:
            reason = f"an input of {self._too_many} records is too long to be searched for gaps"
            return Findings(), reason
        return self._missing(), None if is_known else _SIZE_UNKNOWN

    def _expect(self, count: int) -> None:
        """Expect at least `count` records."""
        if count > _MOST_PLACES:
            self._too_many = count
        elif count > len(self._seen):
            self._seen.extend(bytes(count - len(self._seen)))

    def _missing(self) -> Findings:
        found = Findings(self._seen.count(0))
        at = -1
        while len(found.examples) < min(found.count, _EXAMPLES):
            at = self._seen.index(0, at + 1)
            found.examples.append(str(at))
        return found
