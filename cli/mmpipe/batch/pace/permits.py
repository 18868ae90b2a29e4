"""Permits to send: each request needs one of every limiter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
    passed: given back, it would let later requests go above the rate.
    """
    return reserved if used >= reserved else max(used, min(reserved, expected))


# Opens the permits of a run inside its event loop: by the tokens to reserve, the longest wait, and the end of the run.
OpenPermits = Callable[
    [Callable[[Request], float], WaitLimit, StopSignal], AbstractAsyncContextManager[PermitSource]
]


class Permits:
    """The permits of all `limiters`; `tokens` estimates the tokens to reserve for a request."""

    def __init__(
        self, limiters: Sequence[Limiter], tokens: Callable[[Request], float], limit: WaitLimit
    ) -> None:
        self._limiters, self._tokens, self._limit = limiters, tokens, limit
        self._turn = asyncio.Lock()

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait for the permits; the tokens that they reserve, or None if the run stops first.

        One request at a time. If many reserved and slept at once, one that wakes late would be sent together with the
        next ones, above the rate; and none of them would notice a pause. Raises QuotaError for too long a wait.
        """
        reserved, asked = self._tokens(request), list[Limiter]()
        is_granted = False
        for limiter in self._limiters:
            self._limit.explain(limiter.rates, reserved)
        try:
            async with self._turn:
                for limiter in self._limiters:
                    # What is reserved after the end would hold up other runs, and the one that goes on with this.
                    if stop.is_set:
                        break
                    asked.append(limiter)
                    await self._wait(limiter, limiter.reserve(reserved), stop)
            is_granted = not stop.is_set
        finally:
            if not is_granted:
                # Other runs may share a limiter, and could use these tokens.
                for limiter in asked:
                    limiter.settle(reserved, 0)
        return reserved if is_granted else None

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
    limiters: Sequence[Limiter], tokens: Callable[[Request], float], limit: WaitLimit, _: StopSignal
) -> AsyncIterator[Permits]:
    """The permits of limiters that this machine keeps."""
    yield Permits(limiters, tokens, limit)
