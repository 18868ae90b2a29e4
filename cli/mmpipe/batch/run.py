"""`batch` from the options to the exit status: check, open, ask, report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mmpipe.api.ask_many import AskManyContext, OpenPool
from mmpipe.api.recorded_pool import open_recorded_pool
from mmpipe.api.recordings import RecordedHost, open_recordings, recorded_host
from mmpipe.batch.delivery import RunOutput
from mmpipe.batch.dry_run import forecast_run
from mmpipe.batch.ending import KEEP_ANSWERS, report_end
from mmpipe.batch.engine_choice import choose_engine, possible_concurrency
from mmpipe.batch.event_loop import run_event_loop
from mmpipe.batch.flow import AskTerms, ask_records
from mmpipe.batch.input_check import BatchInput, check_input, open_source
from mmpipe.batch.journal.journal import Journal, open_journal, read_journal
from mmpipe.batch.journal.sort import sort_journal
from mmpipe.batch.limiters import open_limiters, shard_rates
from mmpipe.batch.options import BatchOptions, ResultOptions
from mmpipe.batch.pace.deadline import Deadline
from mmpipe.batch.preparation import BatchCall, PreparedCall, prepare_call, read_settings
from mmpipe.batch.records.input_file import expect_unchanged
from mmpipe.batch.rendering import choose_rendering, render_header
from mmpipe.batch.result_writer import ResultSink
from mmpipe.batch.results import LineForm
from mmpipe.batch.summary import RunSummary
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import ListedPartial, Partial, UsageError
from mmpipe.text.counts import format_count
from mmpipe.text.shell_words import format_command
from mmpipe.text.suggestions import join_hints
from mmpipe.text.visible import one_line
from mmpipe.unix.files import reject_input_as_output, reject_shared_outputs
from mmpipe.unix.replacement import check_replaceable
from mmpipe.unix.signals import raise_interrupts
from mmpipe.unix.streams import Streams, sync_at_end
from mmpipe.writers.console import Console
from mmpipe.writers.lines import write_line
from mmpipe.writers.meta import open_meta
from mmpipe.writers.progress import choose_progress
from mmpipe.writers.table import format_facts
from mmpipe.writers.terminal import Painter, can_redraw


def run_batch(
    options: BatchOptions,
    streams: Streams,
    environment: Mapping[str, str],
    open_pool: OpenPool | None = None,
    *,
    arguments: Sequence[str] = (),
) -> None:
    """Ask every record that has no good answer yet; returns only if each has one then. A pool may be given for tests.

    Raises Partial if some have none, and the reason of an early end.
    """
    _check_paths(options, streams)
    summary = RunSummary()
    with (
        Console(streams, options.verbosity, environment) as console,
        open_meta(options.output.meta, summary.line),
    ):
        settings, options = read_settings(options, environment, console.warn)
        call = BatchCall(options, streams, environment, console, arguments)
        _check_name(options.output, console)
        if options.limits.dry_run:
            _dry_run(call, settings, Deadline(options.limits.deadline, summary.began))
        else:
            with raise_interrupts():
                _run(call, settings, summary, open_pool)


def _check_paths(options: BatchOptions, streams: Streams) -> None:
    """Raise UsageError if two outputs are one file, or an input is an output too."""
    output = options.output
    output.shown_format(is_terminal=streams.stdout.is_terminal)
    written = (output.path or "-", output.meta, "-" if options.limits.dry_run else None)
    reject_shared_outputs(streams, *written)
    read = [named.path for named in options.inputs if named is not None]
    reject_input_as_output(streams, written, (*read, options.service.api_key_file))


def _check_name(output: ResultOptions, console: Console) -> None:
    """Warn of a new journal that has the name of a table."""
    if output.path is not None and output.path.lower().endswith((".csv", ".tsv")) and not output.resume:
        command = format_command(("mmpipe", "batch", "--merge", output.path, "-F", "csv"))
        console.warn(
            f"{one_line(output.path, 100)} gets JSON lines, not a table; afterwards `{one_line(command, 200)}` prints the table"
        )


def _dry_run(call: BatchCall, settings: Settings, deadline: Deadline) -> None:
    """Print the requests that a run would send, and their estimated cost; needs neither key nor service."""
    options, prepared = call.options, prepare_call(call, settings)
    with _open_earlier_journal(options, prepared.settings, deadline) as journal:
        forecast = forecast_run(prepared.source, journal, deadline)
    pace, out = (shard_rates(options), options.pace.concurrency), call.streams.stdout
    if can_redraw(out, call.environment):
        out.draw(format_facts(forecast.facts(*pace), out, call.environment))
    else:
        write_line(out, forecast.line(*pace))
        for sentence in forecast.findings.sentences():
            call.console.warn(sentence)
    if not options.selection.keep_going:
        forecast.check()


def _run(call: BatchCall, settings: Settings, summary: RunSummary, open_pool: OpenPool | None) -> None:
    """Check, open, ask, report."""
    prepared = prepare_call(call, settings)
    open_pool = open_pool or choose_engine(call, prepared)
    _check_stdin(call)
    endpoint = _announce_endpoint(call, prepared)
    deadline = Deadline(call.options.limits.deadline, summary.began)
    host = recorded_host(endpoint, prepared.settings.identify_host)
    with (
        open_limiters(call.options, call.environment, endpoint) as limits,
        _open_journal(call, host, deadline) as journal,
    ):
        concurrency = possible_concurrency(call)
        pool = None if endpoint is None else open_pool(endpoint, concurrency)
        pool = _recorded(call, host, pool)
        terms = AskTerms(pool, limits, concurrency, prepared.policy, costs_nothing=endpoint is None)
        form = replace(LineForm.of(call.options), host=host.identity)
        if journal is not None:
            summary.earlier_cost = journal.earlier.dollars
        output = RunOutput(_open_sink(call, prepared), journal, summary, call.console, form)
        _ask(call, prepared.source, terms, output)


def _check_stdin(call: BatchCall) -> None:
    if not call.options.records.files and call.streams.stdin.is_terminal:
        raise UsageError("there is nothing to ask: name a file, or give the records on standard input")


def _open_sink(call: BatchCall, prepared: PreparedCall) -> ResultSink:
    stdout, fields = call.streams.stdout, prepared.policy.constraint.fields
    console, is_terminal = call.console, stdout.is_terminal
    start = choose_rendering(
        call.shown_format,
        fields,
        console.warn,
        is_terminal=is_terminal,
        painter=Painter(enabled=console.can_dim),
    )
    return ResultSink(stdout, start(()), console.make_way)


def _announce_endpoint(call: BatchCall, prepared: PreparedCall) -> Endpoint | None:
    """The endpoint, named if the user wants details; None in a replay, which asks no service."""
    if call.options.recordings.is_replay:
        return None
    endpoint = prepared.settings.endpoint(prepared.inputs)
    call.console.announce(endpoint, prepared.settings.explain())
    return endpoint


def _recorded(call: BatchCall, host: RecordedHost, pool: AskManyContext | None) -> AskManyContext:
    """The pool, behind the folder of recordings if there is one; a replay has none."""
    chosen = call.options.recordings.chosen
    if chosen is None:
        assert pool is not None  # noqa: S101  only a replay has none
        return pool
    mode, folder = chosen
    return open_recorded_pool(open_recordings(Path(folder), mode, host, call.console.warn), pool)


@contextmanager
def _open_earlier_journal(
    options: BatchOptions, settings: Settings, deadline: Deadline
) -> Iterator[Journal | None]:
    """The journal that a run with --resume would continue."""
    output = options.output
    if output.path is None or not output.resume:
        yield None
        return
    with read_journal(output.path, settings.identify_host(), deadline.hold_many) as journal:
        journal.check_format(output.line_format)
        yield journal


@contextmanager
def _open_journal(call: BatchCall, host: RecordedHost, deadline: Deadline) -> Iterator[Journal | None]:
    """The journal, or None if results go to standard output, which must be open."""
    output = call.options.output
    if output.path is None:
        if output.resume or output.overwrite:
            raise UsageError("--resume and --overwrite need a file: name it with -o")
        call.streams.stdout.check_open()
        with sync_at_end(call.streams.stdout):
            yield None
        return
    with open_journal(
        output.path,
        resume=output.resume,
        overwrite=output.overwrite,
        host=host.identity,
        hold=deadline.hold_many,
    ) as journal:
        journal.check_format(output.line_format)
        for remark in filter(None, (journal.repaired, journal.earlier.remark)):
            call.console.warn(f"{journal.path}: {remark}")
        if output.keep_order:
            # Before anything is asked: the sorted file replaces this one at the end.
            check_replaceable(journal.path)
        yield journal


def _ask(call: BatchCall, source: BatchInput, terms: AskTerms, output: RunOutput) -> None:
    """Check the input, ask it, and report the end of the run, whatever the reason. Raises Partial if records failed."""
    options, journal = call.options, output.journal
    deadline = Deadline(options.limits.deadline, output.summary.began)
    facts = check_input(source, journal, call.console, deadline)
    if journal is not None and options.output.overwrite:
        journal.clear()
    progress = choose_progress(options.output.progress, call.streams, call.environment, options.verbosity)
    call.console.attach(progress)

    def show(in_flight: int) -> None:
        if call.console.may_draw:
            progress.show(output.summary.snapshot(facts.total, in_flight))

    records = open_source(source, facts, journal, call.console.warn)
    with report_end(call, output, facts.total):
        with expect_unchanged(facts.files, call.console.warn):
            run_event_loop(ask_records(options, records, terms, output, show))
        if not (output.summary.done or output.summary.skipped):
            _report_nothing(call, source, terms.policy.constraint.fields)
        _sort(options, journal)
        _check_failures(call, output.summary)


def _report_nothing(call: BatchCall, source: BatchInput, fields: Sequence[str]) -> None:
    """Warn of an input without a record, unless a part of it was chosen; the header of a table is still one."""
    selection, out = call.options.selection, call.streams.stdout
    if selection.shard is None and selection.limit is None:
        call.console.warn("no records: the input is empty")
    if call.shown_format == "csv" and call.options.output.path is None and source.columns:
        out.write(render_header([*source.columns], fields, is_terminal=out.is_terminal))


def _sort(options: BatchOptions, journal: Journal | None) -> None:
    if journal is not None and options.output.keep_order:
        sort_journal(journal.path)


def _check_failures(call: BatchCall, summary: RunSummary) -> None:
    if summary.failed:
        is_listed = call.console.lists_details
        in_output = "" if call.shown_format == "text" else "each is in the output"
        is_lost = not (summary.has_good or is_listed or call.options.output.path)
        sentence = f"{summary.failed} of {format_count(summary.done, 'record')} failed"
        if not summary.has_good:
            sentence += ", none has a good answer"
        hint = join_hints(in_output, KEEP_ANSWERS if is_lost else "")
        raise (ListedPartial if is_listed else Partial)(sentence, hint=hint)
