"""What is found out before anything is asked: the defaults of all records, and the input, as far as it can be known."""

import itertools
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mmpipe.batch.intake import Found, RecordSource
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.journal.sidecar import (
    Sidecar,
    changes,
    fingerprint_of,
    read_sidecar,
    settings_sha256,
    write_sidecar,
)
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.estimate import Expected
from mmpipe.batch.records.records import Answered, Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import Ends, Piece, ends_of, lines_of, read_pieces
from mmpipe.batch.records.template import Template
from mmpipe.batch.survey import Survey, survey
from mmpipe.config.settings import Settings
from mmpipe.core import parameters
from mmpipe.core.catalogue import find_model
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.inputs import read_text, typed_text
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console

_LOOKED_AT: Final = 997  # of so many records that are taken for answered, one is compared all the same


@dataclass(frozen=True, slots=True)
class InputSummary:
    """What is known of the input: how many records this run takes, if that is known.

    `checked` tells that all of it was read and no id comes twice; `unchanged` that it is what the journal was made of.
    What stands behind `ends` came later, and is not of it.
    """

    ends: Ends
    total: int | None = None
    checked: bool = False
    unchanged: bool = False


def defaults_of(
    options: BatchOptions, settings: Settings, instruction: str | None, console: Console
) -> RequestDefaults:
    """What holds where a record says nothing else; raises UsageError, InputError."""
    asked = options.request
    sampled = parameters.build_sampling(
        *(settings.get(name) for name in ("temperature", "top_p", "max_tokens"))
    )
    split = {} if asked.native_thinking else {"reasoning_split": True}
    body = {**sampled, **split, **parameters.parse_parameters(asked.parameters)}
    model = typed_text(str(settings.get("model")), "the name of the model")
    if not model.strip():
        raise UsageError("the name of the model is empty")
    for warning in parameters.check_for_model(body, find_model(model)):
        console.warn(warning)
    if options.bounds.cost is not None and Expected(model, 1, 1).dollars is None:
        raise UsageError(f"--max-cost: the price of {model} is not known")
    system = None if asked.system is None else typed_text(asked.system, "the system message")
    return RequestDefaults(
        model=model,
        system=system if asked.system_file is None else read_text(asked.system_file),
        instruction=instruction,
        parameters=body,
        template=None
        if asked.template is None
        else Template.parse(typed_text(asked.template, "the template")),
        format=options.input.format,
        streamed=asked.streamed,
    )


def are_files(options: BatchOptions) -> bool:
    """Whether all of the input is in files, which can be read twice."""
    return bool(options.input.files) and all(map(os.path.isfile, options.input.files))


def outlook(
    options: BatchOptions,
    defaults: RequestDefaults,
    streams: Streams,
    journal: Journal | None,
    console: Console,
) -> InputSummary:
    """Read files whole, unless they are those of the run before; raises InputError for what is wrong in them.

    A pipe is taken as it comes.
    """
    _check_files(options.input.files)
    now = _sidecar(options, defaults) if are_files(options) else None
    # Last, so that a later run sees that files have grown since they were noted.
    ends = ends_of(options.input.files, streams.stdin)
    if now is None:
        return InputSummary(ends)
    then = None if journal is None or not len(journal) else read_sidecar(journal.path)
    if then is not None and then.records is not None and _is_same(then, now):
        is_whole = options.input.shard is None and options.input.limit is None
        return InputSummary(ends, then.records if is_whole else None, checked=True, unchanged=True)
    for sentence in changes(then, now):
        console.warn(sentence)
    found = survey_input(options, defaults, streams, ends, journal)
    if journal is not None:
        # What is refused today must not pass unread tomorrow.
        write_sidecar(journal.path, now if found.bad else replace(now, records=found.records))
    limit = options.input.limit
    total = found.taken if limit is None else min(found.taken, found.answered + limit)
    return InputSummary(ends, total, checked=not found.bad)


def survey_input(
    options: BatchOptions,
    defaults: RequestDefaults,
    streams: Streams,
    ends: Ends,
    journal: Journal | None,
    to_ask: Callable[[Record], None] = lambda _: None,
) -> Survey:
    """The survey of the whole input; raises InputError for bad records too, unless they are to be put up with."""
    lines = lines_of(_pieces(options, streams, ends), separator=options.input.separator)
    records = (found for found in read_records(lines, defaults) if not isinstance(found, Answered))
    found = survey(records, journal, _takes(options), to_ask)
    if not options.input.keep_going:
        found.check()
    return found


def source(
    options: BatchOptions,
    defaults: RequestDefaults,
    streams: Streams,
    journal: Journal | None,
    known: InputSummary,
) -> RecordSource:
    """The input as a run takes it."""
    is_answered = _trusting(journal) if known.unchanged and journal is not None else None

    def records(pieces: Iterable[Piece | None]) -> Iterator[Found | None]:
        lines = lines_of(pieces, separator=options.input.separator)
        return read_records(lines, defaults, is_answered)

    return RecordSource(
        _pieces(options, streams, known.ends), records, _takes(options), known.checked, options.input.limit
    )


def _check_files(paths: Sequence[str]) -> None:
    """Raise InputError for what cannot be read; a pipe is not opened, since that may wait for its other end."""
    for path in paths:
        if path == "-":
            continue
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        if stat.S_ISDIR(mode) or not os.access(path, os.R_OK):
            reason = "Is a directory" if stat.S_ISDIR(mode) else "Permission denied"
            raise InputError(f"cannot read {path}: {reason}")


def _pieces(options: BatchOptions, streams: Streams, ends: Ends) -> Iterator[Piece]:
    return read_pieces(options.input.files, streams.stdin, ends)


def _takes(options: BatchOptions) -> Callable[[Found], bool]:
    shard = options.input.shard
    if shard is None:
        return lambda _: True
    return lambda found: shard.takes(str(found.index) if found.id is None else found.id, found.index)


def _trusting(journal: Journal) -> Callable[[str], bool]:
    """Whether an id has a good answer, with a doubt now and then: another file may have taken the journal's name."""
    counted = itertools.count()
    return lambda name: next(counted) % _LOOKED_AT != 0 and journal.is_good(name)


def _sidecar(options: BatchOptions, defaults: RequestDefaults) -> Sidecar:
    inputs = (fingerprint_of(path) for path in options.input.files)
    return Sidecar(
        inputs=tuple(found for found in inputs if found is not None),
        settings_sha256=settings_sha256(
            {
                **asdict(defaults),
                "separator": options.input.separator.decode("latin-1"),
                "form": asdict(options.output.form),
            }
        ),
        pid=os.getpid(),
        started=time.time(),
        records=None,
        shard=None if options.input.shard is None else str(options.input.shard),
    )


def _is_same(then: Sidecar, now: Sidecar) -> bool:
    return (then.inputs, then.settings_sha256) == (now.inputs, now.settings_sha256)
