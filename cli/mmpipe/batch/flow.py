"""The flow of one run: records come in, the engine asks them, and a result line for each goes out."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from mmpipe.api.ask_many import AskMany, AskManyContext
from mmpipe.api.attempt import Observer
from mmpipe.batch.dedupe import JournalAnswers, RecentAnswers, RequestCoalescer
from mmpipe.batch.delivery import Delivery, RunOutput
from mmpipe.batch.engine import Ask, Engine, EnginePolicy, Outcome
from mmpipe.batch.event_loop import clear_before_stop, collect_less, handle_signals
from mmpipe.batch.input_check import RecordSource
from mmpipe.batch.intake import RecordIntake
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.budgets import CostBudget, EndingRules
from mmpipe.batch.pace.concurrency import AdaptiveSemaphore, ConcurrencyWindow
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.deadline import Deadline
from mmpipe.batch.pace.memory import MemoryBudget
from mmpipe.batch.pace.permits import OpenPermits, WaitLimit
from mmpipe.batch.pace.ready_permits import ReadyPermits
from mmpipe.batch.pace.spending import Spending
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.result_writer import ResultWriter
from mmpipe.core.calls import check_calls
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import Interrupted, MmpipeError
from mmpipe.text.durations import format_rough_duration

_SHOW_EVERY: Final = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class AskTerms:
    """The way to the service: the pool, the permits and the rules for each request; a replay costs nothing."""

    pool: AskManyContext
    open_permits: OpenPermits
    concurrency: int
    policy: EnginePolicy
    costs_nothing: bool = False


class RecordFlow:
    """The engine's job: gives it the records to ask, and delivers their outcomes."""

    def __init__(
        self,
        intake: RecordIntake,
        delivery: Delivery,
        writer: ResultWriter,
        spending: Spending,
        coalescer: RequestCoalescer | None,
    ) -> None:
        self._intake, self._delivery, self._writer = intake, delivery, writer
        self._spending, self._coalescer = spending, coalescer

    async def next_item(self) -> Record | None:
        """The next record to ask; bad records, and those that share an answer, are settled on the way.

        Waits for capacity in the output, and for the cost budget. Raises InputError, QuotaError, UsageError.
        """
        while (record := await self._intake.next_record()) is not None:
            if isinstance(record, BadRecord):
                self._delivery.refuse(record)
                continue
            await self._writer.wait_for_capacity(record.index)
            if self._coalescer is None or not await self._coalescer.shares_answer(record):
                await self._spending.hold(record.index, record.request)
                return record
        return None

    def deliver(self, outcome: Outcome[Record]) -> None:
        """Write the outcome, and give it to the records with the same request."""
        record, dollars = outcome.item, self._delivery.price(outcome.reply)
        self._spending.settle(record.index, outcome.reply.usage, 0.0 if outcome.is_unpaid else dollars)
        delivered = self._delivery.deliver(outcome, dollars)
        if self._coalescer is not None:
            self._coalescer.settle(record, delivered.line, delivered.offset, delivered.cause)

    def retrying(self, item: Record, error: MmpipeError, delay: float) -> None:
        """Count and report a retry."""
        self._delivery.retrying(item, error, delay)


class RunTasks:
    """The tasks of a run side by side: the engine, the writer of lines, the sync of the journal, the progress."""

    def __init__(
        self,
        engine: Engine[Record],
        flow: RecordFlow,
        writer: ResultWriter,
        terms: AskTerms,
        output: RunOutput,
    ) -> None:
        self._engine, self._flow, self._writer = engine, flow, writer
        self._terms, self._output = terms, output

    async def finish(self, show: Callable[[int], None]) -> None:
        """Return when all records are asked and their lines written; raises the first error of a task."""
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._writer.keep_written())
                background = [
                    group.create_task(task) for task in (self._writer.keep_synced(), self._keep_shown(show))
                ]
                await self._engine.run(self._flow, self._terms.concurrency)
                self._writer.close()
                if self._engine.stopped_by is not None:
                    # A run that ends early does not wait for a reader that has stopped reading.
                    await asyncio.wait([writing], timeout=self._terms.policy.grace)
                    writing.cancel()
                await asyncio.wait([writing])
                for task in background:
                    task.cancel()
        except ExceptionGroup as errors:
            raise _first(errors) from None

    def end(self, number: int) -> None:
        """Handle a signal: the first ends the run with its grace period, a second one at once."""
        is_repeated, grace = self._engine.stopped_by is not None, self._terms.policy.grace
        self._engine.stop(Interrupted(number), at_once=is_repeated)
        self._output.console.erase_echo()
        if not is_repeated and grace and self._engine.in_flight:
            self._output.console.remark(
                f"waiting {format_rough_duration(grace)} at most for the answers in flight; a second signal ends the run at once"
            )

    async def _keep_shown(self, show: Callable[[int], None]) -> None:
        while True:
            await asyncio.sleep(_SHOW_EVERY)
            show(self._engine.in_flight)
            if self._output.journal is None:
                self._output.sink.output.check_reader()


async def ask_records(
    options: BatchOptions,
    source: RecordSource,
    terms: AskTerms,
    output: RunOutput,
    show: Callable[[int], None],
) -> None:
    """Ask the records of the source, and write a line for each; raises the reason of an early end.

    `show` is called some times a second with the number of requests in flight.
    """
    stop, in_order = StopSignal(), options.output.keep_order
    writer = ResultWriter(output.sink, output.journal, stop, in_order=in_order)
    spending = _spending(options, terms, stop)
    deadline = Deadline(options.limits.deadline, output.summary.began)
    opened = terms.open_permits(spending.tokens, WaitLimit(terms.policy.max_wait, output.console.hint), stop)
    async with deadline.enter(terms.pool) as pool, opened as permits:
        # An answer that cannot be recorded is delivered all the same.
        observer = Observer(unrecorded=lambda error: engine.stop(error))  # noqa: PLW0108  it is made below
        engine = Engine[Record](
            _ask_through(pool, options.thinking.thinking, observer),
            ReadyPermits(permits, lambda: pool.is_ready),
            AdaptiveSemaphore(ConcurrencyWindow.first(terms.concurrency)),
            terms.policy,
            stop,
        )
        rules = EndingRules(options.limits.max_errors, terms.concurrency, engine.stop)
        rules.start_deadline(deadline)
        delivery = Delivery(output, writer, rules, MemoryBudget(stop))
        intake = RecordIntake(source, output.journal, delivery, stop)
        coalescer = _coalescer(options, output.journal, delivery, writer, stop)
        flow = RecordFlow(intake, delivery, writer, spending, coalescer)
        tasks = RunTasks(engine, flow, writer, terms, output)
        try:
            with handle_signals(tasks.end), clear_before_stop(output.console.pause), collect_less():
                await tasks.finish(show)
        finally:
            output.summary.lose(writer.unwritten)
    if engine.stopped_by is not None:
        raise engine.stopped_by


def _ask_through(pool: AskMany, thinking: ThinkingMode, observer: Observer) -> Ask:
    """A function that asks the pool, arranges the thinking of the answer, and checks its tool calls."""

    async def ask(request: Request, limits: Limits) -> Iterable[Event]:
        events = await pool.ask(request, limits, observer)
        return check_calls(
            arrange_thinking(events, thinking, native=request.native_thinking, thinks=request.thinks)
        )

    return ask


def _spending(options: BatchOptions, terms: AskTerms, stop: StopSignal) -> Spending:
    dollars = None if terms.costs_nothing else options.limits.max_cost
    return Spending(
        None if dollars is None else CostBudget(dollars, stop),
        answers=1 + terms.policy.constraint.repairs,
        counts_tokens=options.pace.tpm is not None,
        assumed_tokens=options.limits.assume_tokens,
    )


def _coalescer(
    options: BatchOptions, journal: Journal | None, delivery: Delivery, writer: ResultWriter, stop: StopSignal
) -> RequestCoalescer | None:
    if options.selection.no_dedupe:
        return None
    answers = RecentAnswers() if journal is None else JournalAnswers(journal, writer.flush)
    return RequestCoalescer(answers, delivery.copy, stop)


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """The first error; the tasks beside it were cancelled."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
