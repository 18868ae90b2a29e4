"""Asks many requests at once: a fixed set of workers, each of which retries its request until there is an outcome."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from mmpipe.api.refusals.codes import is_overload
from mmpipe.api.retry import RetryPolicy
from mmpipe.batch.pace.concurrency import AdaptiveSemaphore
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.permits import PermitSource
from mmpipe.core.events import Event, Usage
from mmpipe.core.reply import Attempts, Reply, reply_error, sum_usage
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.dataclass import dataclass
from mmpipe.errors import (
    AuthError,
    BrokenPool,
    Forbidden,
    InputError,
    Internal,
    Interrupted,
    MmpipeError,
    NetworkError,
    NoWorkers,
    QuotaError,
    Rejected,
    is_of_process,
)
from mmpipe.structured.constraint import AS_IT_IS, OutputConstraint
from mmpipe.structured.repair import InvalidAnswer, repair_messages

# With these errors there was no answer, and nothing is to be paid.
_UNPAID = (AuthError, InputError, NetworkError, QuotaError, Rejected)
# With these no other request has an answer either.
_OF_ALL = (AuthError, BrokenPool, NoWorkers, QuotaError)


class Askable(Protocol):
    """Any value that carries a request."""

    @property
    def request(self) -> Request: ...


Item = TypeVar("Item", bound=Askable)
# Sends one request once: the pool's `ask`, or a test's.
Ask = Callable[[Request, Limits], Awaitable[Iterable[Event]]]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """The whole answer to a request, or its last error and the reply as far as it came."""

    item: Item
    reply: Reply
    attempts: Attempts
    error: MmpipeError | None = None

    @property
    def is_unpaid(self) -> bool:
        """True if the error means that there was no answer to pay for."""
        return isinstance(self.error, _UNPAID)


class Job(Protocol[Item]):
    """The engine's work: it gives the items, and takes their outcomes."""

    async def next_item(self) -> Item | None:
        """The next item to ask; None at the end."""

    def deliver(self, outcome: Outcome[Item]) -> None:
        """Take an outcome, as soon as it is there."""

    def retrying(self, item: Item, error: MmpipeError, delay: float) -> None:
        """Note that the item is retried in so many seconds, after this error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePolicy:
    """The rules for all requests of a run; times are in seconds.

    An answer must satisfy the `constraint`, or is repaired by the model. With `accepts_truncated` an answer that was
    cut off at its token limit is a good one. `max_wait` is the longest pause that the service may ask for; `grace` is
    the time that a stopped run leaves to the requests in flight.
    """

    timeouts: Timeouts
    constraint: OutputConstraint = AS_IT_IS
    accepts_truncated: bool = False
    max_wait: float = 600.0
    grace: float = 5.0


@dataclass(slots=True)
class _Course:
    """The attempts at one item: the request as it is sent next, and the time and tokens spent so far."""

    request: Request
    repairs_left: int
    attempts: int = 0
    attempts_before_repair: int = 0
    spent: float = 0.0  # seconds, without the waits for permits and pauses
    began: float | None = None
    usage: Usage | None = None

    def repair(self, reply: Reply, error: InvalidAnswer) -> None:
        """Ask next for the same answer without its fault; this is a new request, with retries of its own."""
        self.repairs_left -= 1
        self.attempts_before_repair = self.attempts
        messages = (*self.request.messages, *repair_messages(reply, error))
        self.request = replace(self.request, messages=messages)

    def total(self) -> Attempts:
        """The attempts and the elapsed time, as they are reported."""
        elapsed = 0.0 if self.began is None else time.monotonic() - self.began
        return Attempts(self.attempts, elapsed_ms=round(elapsed * 1000))


class Engine(Generic[Item]):
    """One run of a job; `stopped_by` is the reason of an early end, if there was one.

    The engine sets `stop_signal` at an early end; then nothing in the run may wait for a condition any more.
    """

    def __init__(
        self,
        ask: Ask,
        permits: PermitSource,
        semaphore: AdaptiveSemaphore,
        policy: EnginePolicy,
        stop_signal: StopSignal,
    ) -> None:
        self._ask, self._permits, self._semaphore, self._policy = ask, permits, semaphore, policy
        self._retries = RetryPolicy(policy.timeouts.retries, waits_for_plan=True)
        self._stop_signal = stop_signal
        self._workers: list[asyncio.Task[None]] = []
        self.stopped_by: Exception | Interrupted | None = None

    @property
    def in_flight(self) -> int:
        """The number of requests that are being asked, or wait for their permits."""
        return self._semaphore.in_use

    async def run(self, job: Job[Item], workers: int) -> None:
        """Ask every item of the job, as many at once as there are workers."""
        async with asyncio.TaskGroup() as group:
            self._workers = [group.create_task(self._work(job)) for _ in range(workers)]

    def stop(self, why: Exception | Interrupted, *, at_once: bool = False) -> None:
        """End the run early: send nothing more, and wait for the requests in flight no longer than the grace period.

        The first reason stays, unless a later call ends the run `at_once`, without any grace.
        """
        if self.stopped_by is not None and not at_once:
            return
        self.stopped_by = why
        self._stop_signal.set()
        if at_once:
            self._cancel_workers()
        else:
            asyncio.get_running_loop().call_later(self._policy.grace, self._cancel_workers)

    def _cancel_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()

    async def _work(self, job: Job[Item]) -> None:
        try:
            while not self._stop_signal.is_set and await self._ask_next(job):
                pass
        except Exception as error:  # noqa: BLE001  the boundary of a worker: the others have paid answers to come
            self.stop(error)

    async def _ask_next(self, job: Job[Item]) -> bool:
        """Ask one item, and deliver its outcome; False after the last one.

        A function of its own, so that a worker that waits for an item does not keep the one before, which may be large.
        """
        item = await job.next_item()
        if item is None:
            return False
        outcome = await self._outcome(item, job)
        if outcome is not None:
            job.deliver(outcome)
        return True

    async def _outcome(self, item: Item, job: Job[Item]) -> Outcome[Item] | None:
        """The outcome of all attempts at `item`; None if the run stops before there is one."""
        course = _Course(item.request, self._policy.constraint.repairs)
        while True:
            attempted = await self._attempt(course)
            if attempted is None:
                return None
            reply, error = attempted
            if isinstance(error, InvalidAnswer) and course.repairs_left:
                course.repair(reply, error)
                continue
            delay = None if error is None else self._retry_delay(error, course)
            if error is None or delay is None:
                return Outcome(item, reply, course.total(), error)
            job.retrying(item, error, delay)
            course.spent += delay - _pause(error)
            if await self._stop_signal.within(delay):
                return None

    async def _attempt(self, course: _Course) -> tuple[Reply, MmpipeError | None] | None:
        """Send the request once, when it may be sent; None if the run stops before."""
        async with self._semaphore:
            reserved = await self._permits.acquire(course.request, self._stop_signal)
            if reserved is None:
                return None
            # The wait for permits is no part of the request's own time.
            sent = time.monotonic()
            course.began = course.began or sent
            reply, error = await self._ask_once(course.request, self._policy.timeouts.limits(course.spent))
            course.spent += time.monotonic() - sent
            # An InputError is raised before anything is sent, as for a request that holds the key.
            course.attempts += not isinstance(error, InputError)
            self._semaphore.finished(overloaded=error is not None and is_overload(error))
        self._permits.settle(course.request, reserved, _used_tokens(reply, error))
        reply.usage = course.usage = sum_usage(course.usage, reply.usage)
        return reply, error

    async def _ask_once(self, request: Request, limits: Limits) -> tuple[Reply, MmpipeError | None]:
        """The reply as far as it came, and its error if it is not a good one."""
        reply = Reply()
        try:
            for event in await self._ask(request, limits):
                reply.add(event)
            error = reply_error(reply, allow_truncated=self._policy.accepts_truncated)
            if error is None:
                self._policy.constraint.apply(reply, offers_tools=request.offers_tools)
        except MmpipeError as raised:
            return reply, raised
        except Exception as bug:  # the boundary of a record: the others are asked all the same
            if is_of_process(bug):
                raise
            return reply, Internal.of_bug(bug)
        return reply, error

    def _retry_delay(self, error: MmpipeError, course: _Course) -> float | None:
        """Seconds until the retry; None for none. An error of one request may pause them all, or end the run."""
        if not self._retries.may_help(error):
            if isinstance(error, _OF_ALL) and not isinstance(error, Forbidden):
                self.stop(error)
            return None
        if error.retry_after is not None:
            # A server that refuses one request may accept the others.
            is_of_all = not isinstance(error, Rejected)
            if error.retry_after > self._policy.max_wait:
                if is_of_all:
                    self.stop(_too_long(error, self._policy.max_wait))
                return None
            if is_of_all:
                self._permits.pause(error.retry_after)
        seconds_left = self._policy.timeouts.total - course.spent + _pause(error)
        return self._retries.next_delay(error, course.attempts - course.attempts_before_repair, seconds_left)


def _used_tokens(reply: Reply, error: MmpipeError | None) -> int | None:
    """The tokens of one attempt; None if the service did not report them."""
    if isinstance(error, _UNPAID):
        return 0
    return None if reply.usage is None else reply.usage.total_tokens


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
