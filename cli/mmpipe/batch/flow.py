"""The inside of a run: records come in, those that need it are asked, and a line for each goes out."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mmpipe.api.ask_many import AskMany, AskManyContext
from mmpipe.batch.dedupe import JournalAnswers, RecentAnswers, RequestCoalescer
from mmpipe.batch.engine import UNPAID, Ask, Engine, Outcome
from mmpipe.batch.event_loop import collecting_less, handle_signals
from mmpipe.batch.intake import RecordIntake, RecordSource
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.budgets import CostBudget
from mmpipe.batch.pace.concurrency import AdaptiveSemaphore, ConcurrencyWindow
from mmpipe.batch.pace.condition import Condition
from mmpipe.batch.pace.estimate import Estimate
from mmpipe.batch.pace.limiter import Limiter
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.result_writer import ResultWriter
from mmpipe.batch.results import bad_record_id, bad_record_line, copied_line, result_line
from mmpipe.batch.summary import RunSummary
from mmpipe.core.calls import check_calls
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.thinking import arrange_thinking
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import Interrupted, MmpipeError, NetworkError, NotRecorded, TimedOut, UsageError
from mmpipe.structured.constraint import AS_IT_IS, OutputConstraint
from mmpipe.unix.streams import Output
from mmpipe.writers.console import Console

_SHOW_EVERY: Final = 0.2  # seconds
_FEWEST_UNREACHED: Final = 20  # records in a row, and as many as may be asked at once


@dataclass(frozen=True, slots=True)
class AskTerms:
    """On which terms it is asked."""

    pool: AskManyContext
    patience: Timeouts
    limiters: Sequence[Limiter]
    concurrency: int
    fitting: OutputConstraint = AS_IT_IS
    costs_nothing: bool = False


class Flow:
    """What one run remembers while it goes on; to be made inside the loop."""

    def __init__(
        self,
        options: BatchOptions,
        source: RecordSource,
        terms: AskTerms,
        journal: Journal | None,
        stdout: Output,
        tally: RunSummary,
        console: Console,
    ) -> None:
        self._options, self._terms = options, terms
        self._journal, self._stdout, self._tally, self._console = journal, stdout, tally, console
        self._change = Condition()
        self._outlet = ResultWriter(
            stdout, journal, self._change, console.pause, in_order=options.output.keep_order
        )
        self._intake = RecordIntake(source, journal, self._outlet, tally)
        self._twins = self._make_twins() if options.input.dedupe else None
        cost = None if terms.costs_nothing else options.bounds.cost
        self._purse = None if cost is None else CostBudget(cost, self._change)
        self._estimate = Estimate()
        self._unreached = 0

    async def whole(self, show: Callable[[int], None]) -> None:
        """The whole run; raises what ended it early. `show` is called some times a second with how many are in flight."""
        terms, seconds = self._terms, self._options.bounds.seconds
        async with terms.pool as pool:
            self._engine = Engine[Record](
                self._asking(pool),
                self._tokens,
                terms.limiters,
                AdaptiveSemaphore(ConcurrencyWindow.first(terms.concurrency)),
                terms.patience,
                self._options.stamina,
                accepts_truncated=self._options.output.allow_truncated,
                fitting=terms.fitting,
                on_retry=self._retried,
                on_stop=self._begin_nothing_more,
            )
            if seconds is not None:
                overdue = TimedOut(f"the run is not done within --deadline {seconds:g}")
                left = max(0.0, seconds - self._tally.seconds)
                asyncio.get_running_loop().call_later(left, self._engine.stop, overdue)
            try:
                with handle_signals(self._end), collecting_less():
                    await self._all(show)
            finally:
                self._tally.unwritten = self._outlet.unwritten
        if self._engine.stopped_by is not None:
            raise self._engine.stopped_by

    async def _all(self, show: Callable[[int], None]) -> None:
        """Ask, write, sync and show side by side, until all is asked and written or one of them fails."""
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._outlet.keep_written())
                aides = [
                    group.create_task(aide) for aide in (self._outlet.keep_synced(), self._keep_shown(show))
                ]
                await self._engine.run(self._following, self._deliver, self._terms.concurrency)
                self._outlet.close()
                if self._engine.stopped_by is not None:
                    # Whoever ends the run does not wait for a reader that stands still.
                    await asyncio.wait([writing], timeout=self._options.stamina.grace)
                    writing.cancel()
                await asyncio.wait([writing])
                for aide in aides:
                    aide.cancel()
        except ExceptionGroup as errors:
            raise _first(errors) from None

    def _begin_nothing_more(self) -> None:
        self._intake.close()
        self._change.end()

    async def _following(self) -> Record | None:
        """The next record to be asked; those before it that cannot be, or share an answer, are dealt with."""
        try:
            while (found := await self._intake.following()) is not None:
                if isinstance(found, BadRecord):
                    self._refuse(found)
                elif await self._is_to_be_asked(found):
                    return found
        except MmpipeError as error:
            # What is in flight is paid for, and is still to be written.
            self._engine.stop(error)
        return None

    async def _is_to_be_asked(self, record: Record) -> bool:
        """Whether it is, and there is room and money for it; waits for both."""
        await self._outlet.room_for(record.index)
        if self._twins is not None and await self._twins.takes(record):
            return False
        if self._purse is not None:
            # Each may have to be mended.
            await self._purse.hold(
                record.index, self._price(record.request) * (1 + self._terms.fitting.repairs)
            )
        return True

    def _refuse(self, record: BadRecord) -> None:
        line = bad_record_line(record, self._options.output.form)
        # What the journal says already need not be said again by each run.
        is_told = self._journal is not None and bad_record_id(record) in self._journal
        self._outlet.put(record.index, None if is_told else line)
        self._settle(good=False)

    def _deliver(self, outcome: Outcome[Record]) -> None:
        record, reply = outcome.item, outcome.reply
        dollars = reply.cost
        self._learn(outcome, dollars)
        self._tally.count(outcome, dollars)
        line = result_line(outcome, self._options.output.form, self._earlier(record), dollars)
        place = self._outlet.end
        self._outlet.put(record.index, line)
        if self._twins is not None:
            self._twins.settle(record, line, place, good=outcome.error is None)
        self._settle(good=outcome.error is None)
        self._console.note(
            f"{record.id}: {reply.request_id or 'no trace id'}, {outcome.attempts.elapsed_ms} ms"
        )
        self._notice_absence(outcome.error)

    def _notice_absence(self, error: MmpipeError | None) -> None:
        """End the run where nobody is there to be asked, rather than fail every record of it."""
        is_unreached = isinstance(error, NetworkError) and not isinstance(error, NotRecorded)
        self._unreached = self._unreached + 1 if is_unreached else 0
        if error is not None and self._unreached >= _FEWEST_UNREACHED + self._terms.concurrency:
            self._engine.stop(error)

    def _retried(self, record: Record, error: MmpipeError, delay: float) -> None:
        self._tally.retries += 1
        self._console.note(f"{record.id}: {error.message}; asking again in {delay:.1f} s")

    def _copy(self, record: Record, line: bytes, good: bool) -> None:
        copied = copied_line(line, record, self._options.output.form, self._earlier(record))
        self._outlet.put(record.index, copied)
        self._tally.copied += 1
        self._settle(good=good)

    def _settle(self, *, good: bool) -> None:
        """One more record has its line; end the run if too many of them failed."""
        self._tally.settle(good=good)
        bound = self._options.bounds.errors
        if bound is not None and (excess := bound.excess(self._tally.failed, self._tally.done)) is not None:
            self._engine.stop(excess)

    def _earlier(self, record: Record) -> int:
        return 0 if self._journal is None else self._journal.attempt(record.id)

    def _learn(self, outcome: Outcome[Record], dollars: float | None) -> None:
        """What an answer took tells what the next ones may take."""
        usage = outcome.reply.usage
        if self._estimates and usage is not None and usage.completion_tokens is not None:
            self._estimate = self._estimate.after(usage.completion_tokens)
        if self._purse is not None:
            self._purse.settle(outcome.item.index, 0.0 if isinstance(outcome.error, UNPAID) else dollars)

    @property
    def _estimates(self) -> bool:
        """Whether anybody asks what a request may take."""
        return self._purse is not None or self._options.rates.tokens is not None

    def _tokens(self, request: Request) -> int:
        return 0 if self._options.rates.tokens is None else self._estimate.of(request).tokens

    def _price(self, request: Request) -> float:
        dollars = self._estimate.of(request).dollars
        if dollars is None:
            raise UsageError(f"--max-cost: the price of {request.model} is not known")
        return dollars

    def _asking(self, pool: AskMany) -> Ask:
        mode = self._options.output.thinking

        async def ask(request: Request, limits: Limits) -> Iterable[Event]:
            events = await pool.ask(request, limits)
            return check_calls(
                arrange_thinking(events, mode, native=request.native_thinking, thinks=request.thinks)
            )

        return ask

    def _make_twins(self) -> RequestCoalescer:
        if self._journal is None:
            return RequestCoalescer(RecentAnswers(), self._change, self._copy)
        answers = JournalAnswers(self._journal, self._outlet.flush)
        return RequestCoalescer(answers, self._change, self._copy)

    async def _keep_shown(self, show: Callable[[int], None]) -> None:
        while True:
            await asyncio.sleep(_SHOW_EVERY)
            show(self._engine.in_flight)
            if self._journal is None:
                self._stdout.check_reader()

    def _end(self, number: int) -> None:
        """A signal: nothing more is begun; what is asked now is waited for. If it is ending already, it ends at once."""
        if self._engine.stopped_by is not None:
            self._engine.stopped_by = Interrupted(number)
            self._engine.give_up()
        self._engine.stop(Interrupted(number))


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """The one that was met first; what runs beside it was cancelled."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
