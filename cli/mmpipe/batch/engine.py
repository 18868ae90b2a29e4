"""Asks many requests at once: a fixed set of workers, each of which takes the next when there is room and leave for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from mmpipe.api.codes import is_overload
from mmpipe.api.retry import RetryPolicy
from mmpipe.batch.pace.concurrency import AdaptiveSemaphore
from mmpipe.batch.pace.limiter import Limiter
from mmpipe.core.events import Event
from mmpipe.core.reply import Attempts, Reply, reply_error, sum_usage
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import AuthError, Interrupted, MmpipeError, NetworkError, QuotaError, Rejected
from mmpipe.structured.constraint import AS_IT_IS, OutputConstraint
from mmpipe.structured.extraction import InvalidAnswer, complaint_turn


class Asked(Protocol):
    """Whatever carries a request."""

    @property
    def request(self) -> Request: ...


Item = TypeVar("Item", bound=Asked)
# What asks the service once: api.pool's, or a test's.
Ask = Callable[[Request, Limits], Awaitable[Iterable[Event]]]

# With these there was no answer that would have to be paid.
UNPAID = (AuthError, NetworkError, QuotaError, Rejected)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """What became of one request: a whole answer, or the error that ended it and what had come until then."""

    item: Item
    reply: Reply
    attempts: Attempts
    error: MmpipeError | None = None


@dataclass(frozen=True, slots=True)
class PauseLimits:
    """How patient a run is beyond each of its requests, in seconds.

    `max_wait` is the longest pause that the service may ask for, `grace` how long a run that is to end lets its
    requests finish.
    """

    max_wait: float = 600.0
    grace: float = 5.0


class Engine(Generic[Item]):
    """One run; `stopped_by` is why it was ended before its input, if it was.

    All `limiters` must give leave, one after the other. `tokens` says what to reserve for a request. `on_retry` is
    told why an item is asked again, and in how many seconds; `on_stop` is called once nothing more is to be begun.
    With `accepts_truncated` an answer that is cut at its limit of tokens is a good one. The text of a good answer has to
    fit; one that does not may be mended by the model, if it is told what is wrong.
    """

    def __init__(
        self,
        ask: Ask,
        tokens: Callable[[Request], float],
        limiters: Sequence[Limiter],
        semaphore: AdaptiveSemaphore,
        patience: Timeouts,
        stamina: PauseLimits = PauseLimits(),
        *,
        accepts_truncated: bool = False,
        fitting: OutputConstraint = AS_IT_IS,
        on_retry: Callable[[Item, MmpipeError, float], None] = lambda *_: None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._ask, self._tokens, self._limiters = ask, tokens, limiters
        self._patience, self._stamina = patience, stamina
        self._policy = RetryPolicy(patience.retries, waits_for_plan=True)
        self._accepts_truncated, self._fitting = accepts_truncated, fitting
        self._on_retry, self._on_stop = on_retry, on_stop
        self._semaphore = semaphore
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Lock()
        self._workers: list[asyncio.Task[None]] = []
        self.stopped_by: Exception | Interrupted | None = None

    @property
    def in_flight(self) -> int:
        """How many are asked at this moment, or are about to be."""
        return self._semaphore.in_use

    async def run(
        self,
        following: Callable[[], Awaitable[Item | None]],
        deliver: Callable[[Outcome[Item]], None],
        workers: int,
    ) -> None:
        """Ask what `following` gives until it gives None; `deliver` gets each outcome as soon as it is there."""

        async def work() -> None:
            try:
                while not self._stopping.is_set() and (item := await following()) is not None:
                    outcome = await self._outcome(item)
                    if outcome is not None:
                        deliver(outcome)
            except Exception as error:  # noqa: BLE001  the boundary of a worker: the others have paid answers to come
                self.stop(error)

        async with asyncio.TaskGroup() as group:
            self._workers = [group.create_task(work()) for _ in range(workers)]

    def stop(self, why: Exception | Interrupted) -> None:
        """Begin nothing more; what is asked at this moment has its grace to be answered and delivered."""
        if self.stopped_by is None:
            self.stopped_by = why
            self._stopping.set()
            self._on_stop()
            asyncio.get_running_loop().call_later(self._stamina.grace, self.give_up)

    def give_up(self) -> None:
        """Wait for no answer any longer."""
        self._stopping.set()
        for worker in self._workers:
            worker.cancel()

    async def _outcome(self, item: Item) -> Outcome[Item] | None:
        """What became of `item`; None if the run stopped before anything did."""
        attempt, spent, began = 0, 0.0, None
        request, mendings, paid, mended_after = item.request, self._fitting.repairs, None, 0
        while True:
            reserved = self._tokens(request)
            async with self._semaphore:
                if not await self._has_leave(reserved):
                    return None
                attempt += 1
                sent = time.monotonic()
                began = began or sent
                # Waiting for leave is not the request's own time.
                reply, error = await self._attempt(request, self._patience.limits(spent))
                spent += time.monotonic() - sent
                self._semaphore.finished(overloaded=error is not None and is_overload(error))
            self._settle(reserved, reply, error)
            reply.usage = paid = sum_usage(paid, reply.usage)
            if isinstance(error, InvalidAnswer) and mendings:
                mendings -= 1
                # What follows is another request, with tries of its own.
                mended_after = attempt
                request = _to_be_mended(request, reply, error)
                continue
            delay = (
                None
                if error is None
                else self._delay(error, attempt - mended_after, self._patience.total - spent)
            )
            if error is None or delay is None:
                elapsed_ms = round((time.monotonic() - began) * 1000)
                return Outcome(item, reply, Attempts(attempt, elapsed_ms=elapsed_ms), error)
            self._on_retry(item, error, delay)
            spent += delay - _pause(error)
            if await self._stopped_within(delay):
                return None

    async def _has_leave(self, reserved: float) -> bool:
        """Wait for leave; False if the run stops meanwhile.

        One after the other, and with room already: a place in time that is kept while others are used would come on
        top of theirs, and who sleeps does not hear of a pause.
        """
        async with self._leaving:
            for limiter in self._limiters:
                wait = limiter.reserve(reserved)
                while wait > 0:
                    if await self._stopped_within(wait):
                        limiter.settle(reserved, 0)
                        return False
                    # A pause may have begun meanwhile.
                    wait = limiter.paused()
        return not self._stopping.is_set()

    def _settle(self, reserved: float, reply: Reply, error: MmpipeError | None) -> None:
        used = reply.usage.total_tokens if reply.usage is not None else None
        if isinstance(error, UNPAID):
            used = 0
        # Nobody knows what any other failed attempt used.
        if reserved and used is not None:
            for limiter in self._limiters:
                limiter.settle(reserved, used)

    async def _attempt(self, request: Request, limits: Limits) -> tuple[Reply, MmpipeError | None]:
        reply = Reply()
        try:
            for event in await self._ask(request, limits):
                reply.add(event)
        except MmpipeError as error:
            return reply, error
        found = reply_error(reply, allow_truncated=self._accepts_truncated)
        if found is None:
            try:
                self._fitting.apply(reply)
            except InvalidAnswer as error:
                return reply, error
        return reply, found

    def _delay(self, error: MmpipeError, attempt: int, seconds_left: float) -> float | None:
        """Seconds until the retry; None for none. An error of one request may pause them all, or end the run."""
        if not self._policy.may_help(error):
            if isinstance(error, AuthError | QuotaError):
                self.stop(error)
            return None
        if error.retry_after is not None:
            if error.retry_after > self._stamina.max_wait:
                self.stop(_too_long(error, self._stamina.max_wait))
                return None
            for limiter in self._limiters:
                limiter.pause(error.retry_after)
        return self._policy.next_delay(error, attempt, seconds_left + _pause(error))

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait so long; whether the run stopped before that."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()
        return self._stopping.is_set()


def _to_be_mended(request: Request, reply: Reply, unfit: InvalidAnswer) -> Request:
    """The request whose answer is the one before without what was wrong with it."""
    return replace(request, messages=(*request.messages, reply.message, complaint_turn(unfit.complaint)))


def _pause(error: MmpipeError) -> float:
    """Seconds for which the service pauses all requests; they are not part of the time of one request."""
    return error.retry_after or 0.0


def _too_long(error: MmpipeError, max_wait: float) -> QuotaError:
    return QuotaError(
        f"the service asks for a longer pause than --max-wait {max_wait:g}: {error.message}",
        http=error.http,
        api_code=error.api_code,
        request_id=error.request_id,
        retryable=True,
        retry_after=error.retry_after,
    )
