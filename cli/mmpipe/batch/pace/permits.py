"""Permits to send: each request needs one of every limiter."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import Limiter
from mmpipe.core.request import Request
from mmpipe.errors import QuotaError
from mmpipe.text.durations import format_rough_duration

_REPORTED: Final = 60.0  # seconds above which a wait is reported


class PermitSource(Protocol):
    """Grants a permit for each request, learns the tokens that it used, and pauses all requests."""

    async def acquire(self, request: Request, stop: StopSignal) -> float | None: ...
    def settle(self, request: Request, reserved: float, used: float | None) -> None: ...
    def pause(self, seconds: float) -> None: ...


class WaitLimit:
    """The longest wait for a permit: `max_wait` seconds besides the pace itself; `report` prints the reason of a long wait."""

    def __init__(self, max_wait: float, report: Callable[[str], None]) -> None:
        self.max_wait, self.report = max_wait, report
        self._is_explained = False

    def explain(self, rates: Rates, tokens: float) -> None:
        """Report once that one request takes more than a minute of the rate: the waits would have no reason."""
        if rates.tokens is not None and tokens > rates.tokens and not self._is_explained:
            self._is_explained = True
            self.report(
                f"one request is estimated at {tokens:.0f} tokens, and --tpm allows {rates.tokens:g} a minute: "
                "each may wait longer than a minute for the one before"
            )

    def check(self, rates: Rates, wait: float, waited: float, pause: float) -> None:
        """Report a long wait; raise QuotaError if it is too long, with the waits before it, or because of a pause."""
        reason = "the service asks for a pause" if pause else "--rpm and --tpm allow no request sooner"
        if pause > self.max_wait or waited > self.max_wait + rates.interval:
            raise QuotaError(
                f"the next request has to wait longer than --max-wait {self.max_wait:g}: {reason}",
                retryable=True,
                retry_after=wait,
            )
        if wait > _REPORTED:
            self.report(f"waiting {format_rough_duration(wait)}: {reason}")


def find_replaced(reserved: float, used: float, expected: float) -> float:
    """The part of the reserved tokens that the used ones replace, once so many are expected for such a request.

    What the first requests reserve is a guess. Where it was far too much, the rate was not used meanwhile. That time has
    passed: given back, it would let later requests go above the rate. A request that was refused at once, or not sent, used
    none: it gives all back.
    """
    return reserved if used >= reserved or not used else max(used, min(reserved, expected))


# Opens the permits of a run inside its event loop: by the tokens to reserve, the longest wait, and the end of the run.
OpenPermits = Callable[
    [Callable[[Request], float], WaitLimit, StopSignal], AbstractAsyncContextManager[PermitSource]
]


@dataclass(slots=True, eq=False)
class _Place:
    """A request in the queue for permits: its tokens, the limiters that were asked, and the wait for the last of them.

    `ready` is set when it has its permits, or has the turn: it alone waits for a limiter then.
    """

    tokens: float
    ready: asyncio.Future[None] | None = None
    has_turn: bool = False
    asked: list[Limiter] = field(default_factory=list)
    wait: float = 0.0


class Permits:
    """The permits of all `limiters`; `tokens` estimates the tokens to reserve for a request."""

    def __init__(
        self, limiters: Sequence[Limiter], tokens: Callable[[Request], float], limit: WaitLimit
    ) -> None:
        self._limiters, self._tokens, self._limit = limiters, tokens, limit
        self._queue: deque[_Place] = deque()
        self._is_taken = False  # the turn

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait for the permits; the tokens that they reserve, or None if the run stops first.

        One request waits at a time. If many reserved and slept at once, one that wakes late would be sent together with
        the next ones, above the rate; and none of them would notice a pause. Raises QuotaError for too long a wait.
        """
        place = _Place(self._tokens(request))
        is_granted = False
        for limiter in self._limiters:
            self._limit.explain(limiter.rates, place.tokens)
        try:
            await self._take_turn(place)
            while place.has_turn and (place.wait > 0 or not self._reserve(place, stop)):
                wait, place.wait = place.wait, 0.0
                await self._wait(place.asked[-1], wait, stop)
            is_granted = not stop.is_set
        finally:
            if not is_granted:
                # Other runs may share a limiter, and could use these tokens.
                for limiter in place.asked:
                    limiter.settle(place.tokens, 0)
            if place.has_turn:
                self._pass_turn(stop)
        return place.tokens if is_granted else None

    async def _take_turn(self, place: _Place) -> None:
        """Return when the place has the turn, or its permits."""
        if not self._is_taken:
            self._is_taken = place.has_turn = True
            return
        place.ready = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        await place.ready

    def _pass_turn(self, stop: StopSignal) -> None:
        """Give the turn to the next place that has to wait, and their permits to those before it.

        All at once: the event loop of a busy run comes round too seldom for one permit each time.
        """
        self._is_taken = False
        while self._queue and not self._is_taken:
            place = self._queue.popleft()
            if place.ready is not None and not place.ready.done():
                self._is_taken = place.has_turn = not self._reserve(place, stop)
                place.ready.set_result(None)

    def _reserve(self, place: _Place, stop: StopSignal) -> bool:
        """Reserve from the limiters that were not asked; False as soon as one is to be waited for."""
        # What is reserved after the end would hold up other runs, and the one that goes on with this.
        while len(place.asked) < len(self._limiters) and not stop.is_set:
            limiter = self._limiters[len(place.asked)]
            place.asked.append(limiter)
            place.wait = limiter.reserve(place.tokens)
            if place.wait > 0:
                return False
        return True

    def settle(self, request: Request, reserved: float, used: float | None) -> None:
        """Replace the reserved tokens by the used ones; None if nobody knows how many were used."""
        if reserved and used is not None:
            for limiter in self._limiters:
                limiter.settle(find_replaced(reserved, used, self._tokens(request)), used)

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        for limiter in self._limiters:
            limiter.pause(seconds)

    async def _wait(self, limiter: Limiter, wait: float, stop: StopSignal) -> None:
        waited = 0.0
        while wait > 0:
            waited += wait
            self._limit.check(limiter.rates, wait, waited, limiter.paused())
            if await stop.within(wait):
                return
            # A pause may have begun meanwhile.
            wait = limiter.paused()


@asynccontextmanager
async def open_permits(
    limiters: Sequence[Limiter],
    tokens: Callable[[Request], float],
    limit: WaitLimit,
    _: StopSignal,
    warning: str | None = None,
) -> AsyncIterator[Permits]:
    """The permits of limiters that this machine keeps; a warning is reported."""
    if warning is not None:
        limit.report(warning)
    yield Permits(limiters, tokens, limit)
