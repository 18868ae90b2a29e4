"""`batch --merge`: joins the journals of many runs, and checks that no record is missing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import islice
from typing import Final

from mmpipe.batch.journal.findings import Findings
from mmpipe.batch.journal.folder import find_journals
from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.journal.merge import MergeReport, merge
from mmpipe.batch.journal.sidecar import read_sidecar
from mmpipe.batch.options import BatchOptions, ResultOptions
from mmpipe.batch.rendering import choose_rendering
from mmpipe.errors import InputError, Partial, UsageError
from mmpipe.grammar import list_parameters
from mmpipe.structured.constraint import read_constraint
from mmpipe.text.counts import format_count, format_ranges
from mmpipe.text.suggestions import join_hints
from mmpipe.unix.files import reject_input_as_output, replace_output
from mmpipe.unix.inputs import Inputs, NamedInput
from mmpipe.unix.streams import Output, Streams, sync_at_end
from mmpipe.writers.console import Console
from mmpipe.writers.terminal import Painter

_MOST_NAMED: Final = 10  # shards
# The fields that have a meaning here, and the groups with nothing else; how the service is reached may be in an alias.
_FIELDS: Final = ("files", "format", "keep_order", "output", "overwrite", "merge", "progress")
_GROUPS: Final = ("constraint", "verbosity", "service")


def merge_journals(options: BatchOptions, streams: Streams, environment: Mapping[str, str]) -> None:
    """Write the record of each id; returns only if every record is there once and is good.

    A folder stands for the journals in it. An output file is replaced all or nothing. Raises InputError for records that
    are missing or in two journals, ids of two requests and shards of two inputs. Raises Partial for failed ones, and the
    errors of `merge`.
    """
    _check_options(options)
    output, passed_over = options.output, Findings()
    paths = _find_paths(options.records.files, output.path, streams, passed_over.add)
    with Console(streams, options.verbosity, environment) as console:
        if passed_over.count:
            console.warn(
                _list(
                    passed_over,
                    "file is not a journal and was left out",
                    "files are not journals and were left out",
                )
            )
        with _opened(output, streams) as out:
            chosen = output.shown_format(is_terminal=out.is_terminal)
            answer_fields = read_constraint(
                options.constraint, Inputs(streams.stdin, options.inputs), console.note
            ).fields
            start = choose_rendering(
                chosen,
                answer_fields,
                console.warn,
                is_terminal=out.is_terminal,
                painter=Painter(enabled=console.can_dim),
            )
            merged = merge(paths, out, start, wanted=output.wanted_lines, in_order=output.keep_order)
            _check(merged)
        for sentence in _list_doubts(merged):
            console.warn(sentence)
        records = format_count(merged.records, "record")
        console.summarize(f"{records} of {format_count(len(paths), 'journal')}")
    _check_answers(merged, again="" if output.path is None else ", and merge again with --overwrite")


def _check_options(options: BatchOptions) -> None:
    """Raise UsageError for an option that would be ignored."""
    for name in (each.name for each in fields(options) if each.name not in _GROUPS):
        group = getattr(options, name)
        for parameter in list_parameters(type(group)):  # type: ignore[arg-type]  # mypy takes it for an instance
            if parameter.field not in _FIELDS and getattr(group, parameter.field) != parameter.default:
                raise UsageError(
                    f"{' / '.join(parameter.names)} and --merge exclude each other",
                    hint="--overwrite replaces FILE"
                    if parameter.field == "resume"
                    else "--merge asks nothing, and joins whole journals",
                )


def _find_paths(
    named: Sequence[str], output: str | None, streams: Streams, pass_over: Callable[[str], None]
) -> Sequence[str]:
    """Return the journals; raises UsageError for files that are none, and what `find_journals` raises."""
    if not named:
        raise UsageError("--merge needs the journals to be joined: mmpipe batch --merge FILE...")
    reject_input_as_output(streams, [output or "-"], named)
    inputs = Inputs(streams.stdin)
    for path in named:
        # Each is read twice: the last good line of a record is known at the end only.
        inputs.require_file(NamedInput("--merge", path))
    return find_journals(named, output or streams.stdout.descriptor, pass_over)


def _check(merged: MergeReport) -> None:
    faults = list[str]()
    hints = [_advise(merged)]
    if merged.missing.count:
        faults.append(_list_missing(merged))
    has_mixed_shards = len(merged.shards.counts) > 1 and merged.repeated.count
    if merged.missing.count or merged.shards.lacking() or has_mixed_shards:
        faults += _list_absent(merged)
    if merged.repeated.count:
        found = _list(merged.repeated, "id is in several journals", "ids are in several journals")
        faults.append(f"{found} (the first in {' and '.join(merged.repeated_in)}{_name_shard(merged)})")
        hints.append("take one of the two away")
    if merged.different.count:
        faults.append(
            _list(
                merged.different, "id has the answers to two requests", "ids have the answers to two requests"
            )
        )
    if merged.comparison.other_input.count:
        than = f"of another input than {merged.comparison.first}, or of another version of it"
        faults.append(_list(merged.comparison.other_input, f"shard is {than}", f"shards are {than}"))
        hints.append(
            "merge the shards of each input apart, or run the others again with the right one and --resume"
        )
    if faults:
        raise InputError("; ".join(faults), hint=join_hints(*hints))


def _list_missing(merged: MergeReport) -> str:
    found = _list(merged.missing, "record is missing, by its index", "records are missing, by their index")
    return found if merged.unchecked is None else f"at least {found} ({merged.unchecked})"


def _name_shard(merged: MergeReport) -> str:
    """Return the shard of which both journals of an id are, or an empty string."""
    shards = {None if (found := read_sidecar(path)) is None else found.shard for path in merged.repeated_in}
    return f", both of shard {shards.pop()}" if len(shards) == 1 and None not in shards else ""


def _check_answers(merged: MergeReport, again: str) -> None:
    if merged.failed.count:
        found = [_list(merged.failed, "record has no good answer", "records have no good answer")]
        found += _list_shards(merged, merged.shards.failed(), "has failed records", "have failed records")
        retry = "retry it with --resume" if merged.failed.count == 1 else "retry them with --resume"
        raise Partial("; ".join(found), hint=f"{_advise(merged) or retry}{again}")


def _list_doubts(merged: MergeReport) -> Iterator[str]:
    """Yield warnings of what may be wrong with records that are all there, as far as it is known."""
    if merged.unchecked is not None:
        reasons = [merged.unchecked, *_list_absent(merged)]
        yield f"it is not known whether a record is missing: {'; '.join(reasons)}"
    comparison = merged.comparison
    if comparison.doubtful_input.count:
        than = f"other files than {comparison.first}, and it is not known if they hold the same records"
        yield _list(comparison.doubtful_input, f"shard is of {than}", f"shards are of {than}")
    if comparison.other_settings.count:
        than = f"other settings than {comparison.first} ({', '.join(sorted(comparison.changed))})"
        yield _list(comparison.other_settings, f"shard has {than}", f"shards have {than}")
    if len(merged.hosts) > 1:
        yield f"the answers are of several hosts: {', '.join(merged.hosts)}"


def _list_absent(merged: MergeReport) -> Iterator[str]:
    """Yield what is missing by shard, as far as it is known."""
    shards = merged.shards
    if shards.count is None:
        if shards.counts:
            first, *others = (f"I/{count}" for count in sorted(shards.counts)[:_MOST_NAMED])
            yield f"some runs had --shard {first}, others {', '.join(others)}: keep one N"
        return
    absent = list(shards.without_journal())
    if absent:
        words = format_count(len(absent), *_of_shards(shards.count, "has no journal", "have no journal"))
        yield f"{words}: {format_ranges(absent)}"
    yield from _list_shards(merged, shards.lacking(), "lacks records", "lack records")


def _list_shards(merged: MergeReport, found: Mapping[int, int], one: str, several: str) -> Iterator[str]:
    """Yield the shards with the number of their records, if there are any."""
    if found and merged.shards.count is not None:
        words = format_count(len(found), *_of_shards(merged.shards.count, one, several))
        shown = ", ".join(f"{shard} ({count})" for shard, count in islice(found.items(), _MOST_NAMED))
        yield f"{words}: {shown}{', ...' if len(found) > _MOST_NAMED else ''}"


def _of_shards(count: int, one: str, several: str) -> tuple[str, str]:
    return f"shard of {count} {one}", f"shards of {count} {several}"


def _advise(merged: MergeReport) -> str:
    """Advice to run the shards again that lack good answers, in the form that job arrays take; empty if none is known."""
    shards = merged.shards
    absent = shards.without_journal() if merged.missing.count or shards.lacking() else ()
    numbers = sorted({*absent, *shards.lacking(), *shards.failed()})
    if not numbers:
        return ""
    which = format_count(len(numbers), "shard", "shards").partition(" ")[2]
    return f"run {which} {format_ranges(numbers)} of {shards.count} with --resume"


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
    with open_journal(path, resume=False, overwrite=True) as journal:
        if journal.end and not options.overwrite:
            raise UsageError(f"{path} has content: --overwrite replaces it")
        with replace_output(path) as out:
            yield out
