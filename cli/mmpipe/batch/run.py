"""One run of `batch`: input -> records -> engine -> lines, to a journal or to standard output."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from mmpipe import parameters
from mmpipe.api.pool import Pool
from mmpipe.asking import told_endpoint
from mmpipe.batch.duplicates import Duplicates
from mmpipe.batch.engine import Engine, Limiter, Outcome
from mmpipe.batch.estimate import Estimate
from mmpipe.batch.feed import Feed
from mmpipe.batch.journal import Journal, open_journal
from mmpipe.batch.limits import Rates
from mmpipe.batch.lines import NEWLINE
from mmpipe.batch.order import InOrder
from mmpipe.batch.outcomes import Form, bad_record_line, outcome_line
from mmpipe.batch.records import BadRecord, Record, read_records
from mmpipe.batch.shapes import Defaults, Format
from mmpipe.batch.shared_limits import limits_of
from mmpipe.batch.sources import read_lines
from mmpipe.batch.template import Template
from mmpipe.batch.window import AdaptiveWindow
from mmpipe.errors import ExitStatus, InputError, Interrupted, OutputError, PipeClosed, UsageError
from mmpipe.events import Event
from mmpipe.request import Request
from mmpipe.settings import Settings
from mmpipe.streams import Streams
from mmpipe.terms import Endpoint, Limits, Patience
from mmpipe.thinking import arranged
from mmpipe.writers.console import Console, Manners

_AHEAD = 2  # records that may wait for each worker
_SYNC_EVERY = 1.0  # seconds
_SHOWN = 5  # bad lines that an error names
_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What was typed after `mmpipe batch`; `settings` are the options that a configuration file may hold too."""

    files: Sequence[str] = ()
    input_format: Format = "auto"
    separator: bytes = NEWLINE
    template: str | None = None
    system: str | None = None
    parameters: tuple[str, ...] = ()
    native_thinking: bool = False
    streamed: bool = False
    thinking: str = "split"
    form: Form = Form()
    keep_order: bool = False
    keep_going: bool = False
    output: str | None = None
    resume: bool = False
    overwrite: bool = False
    concurrency: int = 32
    rates: Rates = Rates()
    profile: str | None = None
    manners: Manners = Manners()
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """How many records have come to which end."""

    good: int = 0
    failed: int = 0
    skipped: int = 0


class Asking(Protocol):
    """What asks many at once."""

    async def ask(self, request: Request, limits: Limits) -> Sequence[Event]: ...


# Opens what asks many at once: api.pool, or a test's.
OpenPool = Callable[[Endpoint, Patience, int], AbstractAsyncContextManager[Asking]]


def batch(
    options: BatchOptions, streams: Streams, environment: Mapping[str, str], open_pool: OpenPool = Pool
) -> int:
    """Ask every record that has no good answer yet; OK if each has one then, else PARTIAL.

    Raises what ended the run before its end.
    """
    with Console(streams, options.manners, environment) as console:
        settings = Settings(options.settings, environment, options.profile)
        defaults, patience = _defaults(options, settings), settings.patience()
        _check_files(options, defaults, streams)
        endpoint = told_endpoint(settings, console)
        key = endpoint.key.value
        tally = Tally()
        with (
            _journal(options, console) as journal,
            limits_of(options.rates, base_url=endpoint.base_url, key=key, environment=environment) as limiter,
        ):
            run = _Run(options, _records(options, defaults, streams), journal, streams, tally)
            try:
                asyncio.run(run.whole(partial(open_pool, endpoint), patience, limiter))
            finally:
                console.summary(f"{tally.good} good, {tally.failed} failed, {tally.skipped} answered before")
    return ExitStatus.PARTIAL if tally.failed else ExitStatus.OK


class _Run:
    """What one run remembers while it goes on."""

    def __init__(
        self,
        options: BatchOptions,
        records: Iterator[Record | BadRecord],
        journal: Journal | None,
        streams: Streams,
        tally: Tally,
    ) -> None:
        self._options, self._records, self._journal = options, records, journal
        self._stdout = streams.stdout
        self._seen = Duplicates()
        self._estimate = Estimate()
        self._order = InOrder() if options.keep_order else None
        self._pending: list[bytes] = []
        self._tally = tally
        self._signal: int | None = None
        self._unwritten: Exception | None = None
        self._stops: tuple[Callable[[], None], ...] = ()

    async def whole(
        self,
        open_pool: Callable[[Patience, int], AbstractAsyncContextManager[Asking]],
        patience: Patience,
        limiter: Limiter,
    ) -> None:
        """The whole run; raises what stopped it, or Interrupted."""
        size = self._options.concurrency
        async with open_pool(patience, size) as pool:
            window = AdaptiveWindow(size)
            engine = Engine[Record](pool.ask, self._arranged, self._tokens, limiter, window, patience)
            feed = Feed(self._records, _AHEAD * size)
            self._stops = (engine.stop, feed.close)
            syncing = asyncio.create_task(self._keep_synced())
            try:
                with _told_to_end(self._end):
                    await engine.run(partial(self._following, feed), self._deliver, size)
            except ExceptionGroup as group:
                # The worker that met it first; the others were cancelled.
                raise group.exceptions[0] from None
            finally:
                syncing.cancel()
                self._flush()
        if self._unwritten is not None:
            raise self._unwritten
        if self._signal is not None:
            raise Interrupted(self._signal)
        if engine.stopped_by is not None:
            raise engine.stopped_by

    async def _following(self, feed: Feed[Record | BadRecord]) -> Record | None:
        """The next record to be asked; those before it that need not or cannot be are dealt with."""
        while (record := await feed.following()) is not None:
            if isinstance(record, BadRecord):
                self._tally.failed += 1
                self._put(record.index, bad_record_line(record, self._options.form))
                continue
            first = self._seen.seen(record)
            if first is not None:
                raise _duplicate(record, first)
            if not self._is_answered(record):
                return record
            self._tally.skipped += 1
            self._put(record.index, None)
        return None

    def _is_answered(self, record: Record) -> bool:
        if self._journal is None:
            return False
        state = self._journal.state(record.id, record.sha256)
        if state == "changed":
            raise InputError(
                f"{record.source}, line {record.number}: {record.id!r} was asked something else in "
                f"{self._journal.path}; give it another id, or begin a new file"
            )
        return state == "good"

    def _deliver(self, outcome: Outcome[Record]) -> None:
        usage = outcome.reply.usage
        if usage is not None and usage.completion_tokens is not None:
            self._estimate = self._estimate.after(usage.completion_tokens)
        if outcome.error is None:
            self._tally.good += 1
        else:
            self._tally.failed += 1
        earlier = 0 if self._journal is None else self._journal.attempt(outcome.item.id)
        self._put(outcome.item.index, outcome_line(outcome, self._options.form, earlier))

    def _put(self, index: int, line: bytes | None) -> None:
        """Have the line written with all others that are ready in this turn of the loop."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        if self._order is not None:
            self._pending += self._order.put(index, line)
        elif line is not None:
            self._pending.append(line)

    def _flush(self) -> None:
        lines, self._pending = self._pending, []
        if not lines or self._unwritten is not None:
            return
        try:
            if self._journal is None:
                self._stdout.write(b"".join(lines))
            else:
                self._journal.append(lines)
        except (OutputError, PipeClosed) as error:
            # Raised here it would be lost in the loop. Nothing that is answered from now on can be kept.
            self._unwritten = error
            self._begin_nothing_more()

    async def _keep_synced(self) -> None:
        while self._journal is not None:
            await asyncio.sleep(_SYNC_EVERY)
            try:
                self._journal.sync_if_due(time.monotonic())
            except OutputError as error:
                self._unwritten = error
                self._begin_nothing_more()
                return

    def _begin_nothing_more(self) -> None:
        for stop in self._stops:
            stop()

    def _end(self, number: int) -> None:
        """A signal: nothing more is begun; what is asked now is waited for. A second one ends the run at once."""
        if self._signal is not None:
            raise Interrupted(number)
        self._signal = number
        self._begin_nothing_more()

    def _arranged(self, request: Request, events: Iterable[Event]) -> Iterator[Event]:
        return arranged(events, self._options.thinking, native=request.native_thinking, thinks=request.thinks)

    def _tokens(self, request: Request) -> int:
        most = request.parameters.get("max_completion_tokens")
        prompt = "".join(str(message.get("content")) for message in request.messages)
        return self._estimate.tokens(prompt, max_completion_tokens=most if isinstance(most, int) else None)


@contextmanager
def _told_to_end(end: Callable[[int], None]) -> Iterator[None]:
    """Inside, `end` is called with the number of each signal that asks the process to end."""
    loop = asyncio.get_running_loop()
    heeded = [number for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)


@contextmanager
def _journal(options: BatchOptions, console: Console) -> Iterator[Journal | None]:
    if options.output is None:
        if options.resume or options.overwrite:
            raise UsageError("--resume and --overwrite are about a file: name it with -o")
        yield None
        return
    with open_journal(options.output, resume=options.resume, overwrite=options.overwrite) as journal:
        if journal.repaired is not None:
            console.warn(journal.repaired)
        yield journal


def _defaults(options: BatchOptions, settings: Settings) -> Defaults:
    sampled = parameters.sampling(*(settings.get(name) for name in ("temperature", "top_p", "max_tokens")))
    split = {} if options.native_thinking else {"reasoning_split": True}
    return Defaults(
        model=str(settings.get("model")),
        system=options.system,
        parameters={**sampled, **split, **parameters.parse_parameters(options.parameters)},
        template=None if options.template is None else Template.parse(options.template),
        format=options.input_format,
        streamed=options.streamed,
    )


def _records(options: BatchOptions, defaults: Defaults, streams: Streams) -> Iterator[Record | BadRecord]:
    return read_records(read_lines(options.files, streams.stdin, separator=options.separator), defaults)


def _check_files(options: BatchOptions, defaults: Defaults, streams: Streams) -> None:
    """Read files whole before anything is asked, and raise InputError for what is wrong in them; not for a pipe."""
    if options.keep_going or not options.files or not all(map(os.path.isfile, options.files)):
        return
    seen, wrong = Duplicates(), list[str]()
    for record in _records(options, defaults, streams):
        if isinstance(record, BadRecord):
            wrong.append(f"{record.source}, line {record.number}: {record.message}")
        elif (first := seen.seen(record)) is not None:
            raise _duplicate(record, first)
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise InputError(
            f"{'; '.join(wrong[:_SHOWN])}{more}; nothing was asked, --keep-going asks the others"
        )


def _duplicate(record: Record, first: tuple[str, int]) -> InputError:
    source, number = first
    return InputError(
        f"the id {record.id!r} is in {source}, line {number}, and in {record.source}, line {record.number}"
    )
