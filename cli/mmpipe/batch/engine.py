"""Asks many requests at once: a fixed set of workers, each of which takes the next when there is room and leave for it."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mmpipe.api.retry import delay_before_retry
from mmpipe.errors import AuthError, MmpipeError, QuotaError
from mmpipe.events import Event
from mmpipe.reply import Attempts, Reply, trouble
from mmpipe.request import Request
from mmpipe.terms import Limits, Patience


class Limiter(Protocol):
    """Leave to ask: how long to wait for it, what it cost in the end, and when nobody has it."""

    def reserve(self, tokens: int) -> float: ...
    def settle(self, reserved: int, used: int) -> None: ...
    def pause(self, seconds: float) -> None: ...


class Window(Protocol):
    """Room to ask: how many at once, by what became of those before."""

    @property
    def allowed(self) -> int: ...
    def finished(self, *, overloaded: bool) -> None: ...


class Asked(Protocol):
    """Whatever carries a request."""

    @property
    def request(self) -> Request: ...


Item = TypeVar("Item", bound=Asked)
# What asks the service once: api.pool's, or a test's.
Ask = Callable[[Request, Limits], Awaitable[Sequence[Event]]]
# What is done with thinking.
Arrange = Callable[[Request, Sequence[Event]], Iterable[Event]]

_OVERLOAD_CODES = (1002, 1041, 2045, 2064)
_OVERLOAD_STATUSES = (429, 529)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """What became of one request: a whole answer, or the error that ended it and what had come until then."""

    item: Item
    reply: Reply
    attempts: Attempts
    error: MmpipeError | None = None


class Engine(Generic[Item]):
    """One run; `stopped_by` is the error after which no other request makes sense, if there was one."""

    def __init__(
        self,
        ask: Ask,
        arrange: Arrange,
        estimate: Callable[[Request], int],
        limiter: Limiter,
        window: Window,
        patience: Patience,
    ) -> None:
        self._ask, self._arrange, self._estimate = ask, arrange, estimate
        self._limiter, self._patience = limiter, patience
        self._gate = _Gate(window)
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Lock()
        self.stopped_by: MmpipeError | None = None

    async def run(
        self,
        following: Callable[[], Awaitable[Item | None]],
        deliver: Callable[[Outcome[Item]], None],
        workers: int,
    ) -> None:
        """Ask what `following` gives until it gives None; `deliver` gets each outcome as soon as it is there."""

        async def work() -> None:
            while not self._stopping.is_set() and (item := await following()) is not None:
                outcome = await self._outcome(item)
                if outcome is not None:
                    deliver(outcome)

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())

    def stop(self, error: MmpipeError | None = None) -> None:
        """Begin nothing more; what is asked at this moment is still delivered."""
        self.stopped_by = self.stopped_by or error
        self._stopping.set()

    async def _outcome(self, item: Item) -> Outcome[Item] | None:
        """What became of `item`; None if the run stopped before anything did."""
        limits, began, attempt = self._patience.limits(), time.monotonic(), 0
        while True:
            reserved = self._estimate(item.request)
            async with self._gate:
                if not await self._has_leave(reserved):
                    return None
                attempt += 1
                reply, error = await self._attempt(item.request, limits)
                self._gate.finished(overloaded=error is not None and is_overload(error))
            self._limiter.settle(reserved, _used(reply, reserved))
            outcome = Outcome(item, reply, Attempts(attempt, elapsed_ms=_milliseconds(began)), error)
            if error is None:
                return outcome
            delay = self._delay(error, attempt, limits)
            if delay is None:
                return outcome
            if await self._stopped_within(delay):
                return None

    async def _has_leave(self, reserved: int) -> bool:
        """Wait for leave; False if the run stops meanwhile.

        One after the other, and with room already: a place in time that is kept while others are used would come on
        top of theirs, and who sleeps does not hear of a pause.
        """
        async with self._leaving:
            if self._stopping.is_set():
                return False
            stopped = await self._stopped_within(self._limiter.reserve(reserved))
        if stopped:
            self._limiter.settle(reserved, 0)
        return not stopped

    async def _attempt(self, request: Request, limits: Limits) -> tuple[Reply, MmpipeError | None]:
        reply = Reply()
        try:
            for event in self._arrange(request, await self._ask(request, limits)):
                reply.add(event)
        except MmpipeError as error:
            return reply, error
        return reply, trouble(reply)

    def _delay(self, error: MmpipeError, attempt: int, limits: Limits) -> float | None:
        """Seconds until the same is asked again; None for never. What one request is told may concern them all."""
        if isinstance(error, AuthError | QuotaError) and not error.retryable:
            self.stop(error)
        elif error.retry_after is not None:
            self._limiter.pause(error.retry_after)
        return delay_before_retry(
            error,
            attempt=attempt,
            retries=self._patience.retries,
            seconds_left=limits.deadline - time.monotonic(),
            chance=random.random(),  # noqa: S311  jitter is no secret
        )

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait so long; whether the run stopped before that."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


class _Gate:
    """Lets as many through at once as the window allows, in the order in which they came."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._inside >= self._window.allowed:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            # Whoever wakes us has counted us in.
            await place
        else:
            self._inside += 1

    async def __aexit__(self, *_: object) -> None:
        self._inside -= 1
        while self._waiting and self._inside < self._window.allowed:
            place = self._waiting.popleft()
            if not place.cancelled():
                self._inside += 1
                place.set_result(None)

    def finished(self, *, overloaded: bool) -> None:
        """Tell the window what became of one."""
        self._window.finished(overloaded=overloaded)


def is_overload(error: MmpipeError) -> bool:
    """Whether the service says that less at once would do better (api_facts 3.2)."""
    return error.api_code in _OVERLOAD_CODES or (error.api_code is None and error.http in _OVERLOAD_STATUSES)


def _used(reply: Reply, reserved: int) -> int:
    """What was really used; nobody knows what a failed attempt did."""
    usage = reply.usage
    return reserved if usage is None or usage.total_tokens is None else usage.total_tokens


def _milliseconds(since: float) -> int:
    return round((time.monotonic() - since) * 1000)
