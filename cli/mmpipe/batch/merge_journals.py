"""`batch --merge`: joins the journals of many runs, and checks that no record is missing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.merge import Findings, MergeReport, merge
from mmpipe.batch.options import BatchOptions, ResultOptions
from mmpipe.batch.rendering import choose_rendering
from mmpipe.errors import InputError, Partial, UsageError
from mmpipe.structured.constraint import read_constraint
from mmpipe.text.counts import format_count
from mmpipe.unix.files import reject_input_as_output, replace_output
from mmpipe.unix.inputs import Inputs, NamedInput
from mmpipe.unix.streams import Output, Streams, sync_at_end
from mmpipe.writers.console import Console
from mmpipe.writers.terminal import Painter


def merge_journals(options: BatchOptions, streams: Streams, environment: Mapping[str, str]) -> None:
    """Write the record of each id; returns only if every record is there once and is good.

    An output file is replaced all or nothing. Raises InputError for records that are missing or in two journals
    and for ids of two requests, Partial for failed ones, and the errors of `merge`.
    """
    paths, output = options.records.files, options.output
    if not paths:
        raise UsageError("--merge needs the journals to be joined: mmpipe batch --merge FILE...")
    reject_input_as_output(streams, [output.path or "-"], paths)
    inputs = Inputs(streams.stdin)
    for path in paths:
        # Each is read twice: the last good line of a record is known at the end only.
        inputs.require_file(NamedInput("--merge", path))
    with Console(streams, options.verbosity, environment) as console:
        with _opened(output, streams) as out:
            chosen = output.shown_format(is_terminal=out.is_terminal)
            fields = read_constraint(
                options.constraint, Inputs(streams.stdin, options.inputs), console.note
            ).fields
            start = choose_rendering(
                chosen,
                fields,
                console.warn,
                is_terminal=out.is_terminal,
                painter=Painter(enabled=console.can_dim),
            )
            merged = merge(paths, out, start, wanted=output.wanted_lines, in_order=output.keep_order)
            _check(merged)
        if merged.unchecked is not None:
            console.warn(f"it is not known whether a record is missing: {merged.unchecked}")
        if len(merged.hosts) > 1:
            console.warn(f"the answers are of several hosts: {', '.join(merged.hosts)}")
        records = format_count(merged.records, "record")
        console.summarize(f"{records} of {format_count(len(paths), 'journal')}")
    if merged.failed.count:
        found = _list(merged.failed, "record has no good answer", "records have no good answer")
        raise Partial(found, hint=f"{'retry it' if merged.failed.count == 1 else 'retry them'} with --resume")


def _check(merged: MergeReport) -> None:
    faults = []
    if merged.missing.count:
        faults.append(
            _list(merged.missing, "record is missing, by its index", "records are missing, by their index")
        )
    if merged.repeated.count:
        faults.append(_list(merged.repeated, "id is in several journals", "ids are in several journals"))
    if merged.different.count:
        faults.append(
            _list(
                merged.different, "id has the answers to two requests", "ids have the answers to two requests"
            )
        )
    if faults:
        raise InputError("; ".join(faults))


def _list(found: Findings, one: str, several: str) -> str:
    more = ", ..." if found.count > len(found.examples) else ""
    return f"{format_count(found.count, one, several)}: {', '.join(found.examples)}{more}"


@contextmanager
def _opened(options: ResultOptions, streams: Streams) -> Iterator[Output]:
    path = options.path
    if path is None:
        with sync_at_end(streams.stdout) as out:
            yield out
        return
    # Locked, so that a journal is not replaced while a run writes it.
    with open_journal(path, resume=False, overwrite=options.overwrite), replace_output(path) as out:
        yield out
