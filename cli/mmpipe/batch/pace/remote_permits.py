"""Permits of a limit that other hosts share: several for one round trip, and none without an answer."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain, islice
from typing import Final

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.outage import Outage
from mmpipe.batch.pace.permits import WaitLimit, find_replaced
from mmpipe.batch.pace.remote_limiter import HORIZON, MOST_LATE, RemoteLimiter, Reservation, StepFailure
from mmpipe.core.request import Request
from mmpipe.dataclass import dataclass
from mmpipe.errors import QuotaError

_MOST_AT_ONCE: Final = 128  # permits of one step
_SETTLED_WITHIN: Final = 0.25  # seconds; most settlements go with a later request for permits
_CLOSED_WITHIN: Final = 1.0  # seconds


@dataclass(slots=True, eq=False)
class _Waiter:
    """A request that waits for its permit, since a time of the loop's clock."""

    tokens: float
    since: float
    granted: asyncio.Future[bool]
    waited: float = 0.0

    @property
    def is_granted(self) -> bool:
        """True if the permit is there; False too if the run has stopped, or if there is an error in its place."""
        granted = self.granted
        return granted.done() and not granted.cancelled() and granted.exception() is None and granted.result()


@dataclass(frozen=True, slots=True)
class _Held:
    """A permit that starts later: it counts only if the answer to a later step still knows it."""

    waiter: _Waiter
    start: float
    reservation: Reservation

    @property
    def due(self) -> float:
        """The time of our clock at which it starts."""
        return self.reservation.local(self.start)

    @property
    def is_later(self) -> bool:
        """True if the state must be looked at again before it counts."""
        return self.start - self.reservation.now > HORIZON

    def is_valid(self, seen: Reservation) -> bool:
        """Return False if the state was lost since, or a pause began."""
        return seen.generation == self.reservation.generation and seen.paused_until <= self.start


class RemotePermits:
    """The permits of a run, in the order in which they are asked for; `tokens` estimates the tokens of a request.

    One task makes all steps. A permit that starts later is held until then, and is looked at in the step that reserves
    the next ones.
    """

    def __init__(
        self, limiter: RemoteLimiter, tokens: Callable[[Request], float], limit: WaitLimit, outage: Outage
    ) -> None:
        self._limiter, self._tokens, self._limit, self._outage = limiter, tokens, limit, outage
        self._waiting: set[_Waiter] = set()
        # Those of them for which nothing is reserved.
        self._queue: deque[_Waiter] = deque()
        self._held: list[_Held] = []
        self._changed = asyncio.Event()
        self._settled_at = math.inf
        self._late = 0.0
        self._ended_by: Exception | None = None
        self._loop = asyncio.get_running_loop()

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait for a permit; the tokens that it reserves, or None if the run stops first.

        Raises QuotaError for too long a wait, NetworkError if the server gives no answer for too long.
        """
        tokens = self._tokens(request)
        self._limit.explain(self._limiter.rates, tokens)
        if self._ended_by is not None:
            raise self._ended_by
        if stop.is_set:
            return None
        waiter = _Waiter(tokens, self._loop.time(), self._loop.create_future())
        self._waiting.add(waiter)
        self._queue.append(waiter)
        self._changed.set()
        try:
            return tokens if await waiter.granted else None
        except asyncio.CancelledError:
            if waiter.is_granted:
                self._settle(tokens, 0)
            raise
        finally:
            self._waiting.discard(waiter)

    def settle(self, request: Request, reserved: float, used: float | None) -> None:
        """Replace the reserved tokens by the used ones; None if nobody knows how many were used."""
        if reserved and used is not None:
            self._settle(find_replaced(reserved, used, self._tokens(request)), used)

    def _settle(self, reserved: float, used: float) -> None:
        self._limiter.settle(reserved, used)
        if self._limiter.has_news and self._settled_at == math.inf:
            self._settled_at = self._loop.time()
            self._changed.set()

    def pause(self, seconds: float) -> None:
        """Hold every request of all runs for so long, as the service asked."""
        self._limiter.pause(seconds)
        self._changed.set()

    def stop(self) -> None:
        """Grant nothing more."""
        for waiter in self._waiting:
            if not waiter.granted.done():
                waiter.granted.set_result(False)

    async def serve(self) -> None:
        """Make the steps, until cancelled; an error that no retry mends is given to the requests that wait."""
        try:
            while True:
                await self._until_needed()
                await self._make_step()
        except Exception as error:  # noqa: BLE001  the boundary of a task
            self._ended_by = error
            self._fail(error)

    async def close(self) -> None:
        """Give back what is held for later, if the server answers at once; what was for the next 0.1 s is lost."""
        for permit in self._held:
            self._limiter.settle(permit.waiter.tokens, 0)
        if self._limiter.has_news and not self._outage.is_on and self._ended_by is None:
            with suppress(StepFailure, TimeoutError):
                async with asyncio.timeout(_CLOSED_WITHIN):
                    await self._limiter.reserve(())
        await self._limiter.close()

    def _live(self) -> deque[_Waiter]:
        """The waiters that are not cancelled; the others leave the queue."""
        if any(waiter.granted.done() for waiter in self._queue):
            self._queue = deque(waiter for waiter in self._queue if not waiter.granted.done())
        return self._queue

    async def _until_needed(self) -> None:
        """Return when a step is to be made."""
        while True:
            self._changed.clear()
            left = self._due() - self._loop.time()
            if left <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(None if left == math.inf else left):
                    await self._changed.wait()

    def _due(self) -> float:
        if self._limiter.has_pause or (not self._held and self._live()):
            return 0.0
        return min(self._settled_at + _SETTLED_WITHIN, *(permit.due for permit in self._held), math.inf)

    async def _make_step(self) -> None:
        is_early = any(permit.due > self._loop.time() for permit in self._held)
        taken = [] if is_early else [*islice(self._live(), _MOST_AT_ONCE)]
        began = self._loop.time()
        try:
            seen = await self._reserve(taken, self._outage.left(began, self._oldest))
        except StepFailure as failure:
            since = self._oldest
            error = self._outage.note(failure.reason, began, self._loop.time(), since)
            if error is not None:
                self._fail(error)
            await asyncio.sleep(self._outage.delay)
            return
        self._outage.end(self._loop.time())
        self._settled_at = self._loop.time() if self._limiter.has_news else math.inf
        reserved = [_Held(waiter, start, seen) for waiter, start in zip(taken, seen.starts, strict=False)]
        for _ in reserved:
            self._queue.popleft()
        held, self._held = self._held, []
        for permit in held:
            if not permit.is_valid(seen):
                # The rest of its wait is not waited.
                permit.waiter.waited -= max(0.0, permit.due - self._loop.time())
                self._return(permit.waiter)
        valid = [_Held(permit.waiter, permit.start, seen) for permit in held if permit.is_valid(seen)]
        # In this order, one by one: an error ends the run, with requests in flight, but without those that only wait.
        await self._grant(chain(valid, filter(self._is_soon_enough, reserved)))

    @property
    def _oldest(self) -> float | None:
        """The time since which the oldest request waits; None if there is none."""
        return min((waiter.since for waiter in self._waiting), default=None)

    async def _reserve(self, taken: Sequence[_Waiter], seconds: float | None) -> Reservation:
        """Reserve within so many seconds; raises StepFailure."""
        try:
            async with asyncio.timeout(seconds):
                return await self._limiter.reserve([waiter.tokens for waiter in taken])
        except TimeoutError:
            raise StepFailure(f"no answer within {seconds:.3g} s", may_have_run=True) from None

    def _is_soon_enough(self, permit: _Held) -> bool:
        """Return False if the wait for a permit is too long, which is the error of its request then."""
        waiter, seen = permit.waiter, permit.reservation
        if not permit.is_later:
            return True
        wait = permit.start - seen.now
        waiter.waited += wait
        try:
            self._limit.check(self._limiter.rates, wait, waiter.waited, seen.paused)
        except QuotaError as error:
            self._settle(waiter.tokens, 0)
            if not waiter.granted.done():
                waiter.granted.set_exception(error)
            return False
        return True

    async def _grant(self, permits: Iterable[_Held]) -> None:
        """Grant the permits at their times; hold those that start later."""
        tolerance, self._late = self._late + MOST_LATE, 0.0
        for permit in permits:
            waiter = permit.waiter
            if permit.is_later:
                # More than one, if the times of the two clocks are known badly.
                self._held.append(permit)
                continue
            if (left := permit.due - self._loop.time()) > 0:
                await asyncio.sleep(left)
            late = self._loop.time() - permit.due
            self._late = max(self._late, late)
            if waiter.granted.done() or late > tolerance or self._limiter.paused():
                self._return(waiter)
            else:
                waiter.granted.set_result(True)

    def _return(self, waiter: _Waiter) -> None:
        """Give the tokens of a permit back; its request waits for another one.

        Its place among the requests is lost: later ones may have been reserved as if it were used.
        """
        self._settle(waiter.tokens, 0)
        if not waiter.granted.done():
            self._queue.appendleft(waiter)

    def _fail(self, error: Exception) -> None:
        for waiter in self._waiting:
            if not waiter.granted.done():
                waiter.granted.set_exception(error)
        self._held = []


@asynccontextmanager
async def open_remote_permits(
    limiter: RemoteLimiter,
    place: str,
    tokens: Callable[[Request], float],
    limit: WaitLimit,
    stop: StopSignal,
) -> AsyncIterator[RemotePermits]:
    """The permits of a limiter on another host; messages name its `place`."""
    permits = RemotePermits(limiter, tokens, limit, Outage(place, limit))
    stop.on_set(permits.stop)
    serving = asyncio.create_task(permits.serve())
    try:
        yield permits
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        await permits.close()
