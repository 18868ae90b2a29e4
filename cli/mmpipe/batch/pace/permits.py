"""Permits to send: every limiter grants one for each request."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.limiter import Limiter
from mmpipe.core.request import Request
from mmpipe.errors import QuotaError
from mmpipe.text.durations import format_rough_duration

_REPORTED: Final = 60.0  # seconds above which a wait is reported


class Permits:
    """The permits of all `limiters`; `tokens` estimates the tokens to reserve for a request.

    No permit is waited for longer than `max_wait` seconds, besides the pace itself; `report` prints the reason of a
    long wait.
    """

    def __init__(
        self,
        limiters: Sequence[Limiter],
        tokens: Callable[[Request], float],
        max_wait: float,
        report: Callable[[str], None],
    ) -> None:
        self._limiters, self._tokens = limiters, tokens
        self._max_wait, self._report = max_wait, report
        self._turn = asyncio.Lock()
        self._is_explained = False

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait for the permits; the tokens that they reserve, or None if the run stops first.

        One request at a time. If many reserved and slept at once, one that wakes late would be sent together with the
        next ones, above the rate; and none of them would notice a pause. Raises QuotaError for too long a wait.
        """
        reserved, asked = self._tokens(request), list[Limiter]()
        is_granted = False
        self._explain(reserved)
        try:
            async with self._turn:
                for limiter in self._limiters:
                    asked.append(limiter)
                    await self._wait(limiter, limiter.reserve(reserved), stop)
            is_granted = not stop.is_set
        finally:
            if not is_granted:
                # Other runs may share a limiter, and could use these tokens.
                for limiter in asked:
                    limiter.settle(reserved, 0)
        return reserved if is_granted else None

    def settle(self, reserved: float, used: float | None) -> None:
        """Replace the reserved tokens by the used ones; None if nobody knows how many were used."""
        if reserved and used is not None:
            for limiter in self._limiters:
                limiter.settle(reserved, used)

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        for limiter in self._limiters:
            limiter.pause(seconds)

    def _explain(self, tokens: float) -> None:
        """Report once that one request takes more than a minute of the rate: the waits would have no reason."""
        for rate in (limiter.rates.tokens for limiter in self._limiters):
            if rate is not None and tokens > rate and not self._is_explained:
                self._is_explained = True
                self._report(
                    f"one request is estimated at {tokens:.0f} tokens, and --tpm allows {rate:g} a minute: "
                    "each may wait longer than a minute for the one before"
                )

    async def _wait(self, limiter: Limiter, wait: float, stop: StopSignal) -> None:
        waited = 0.0
        while wait > 0:
            pause = limiter.paused()
            reason = "the service asks for a pause" if pause else "--rpm and --tpm allow no request sooner"
            waited += wait
            if pause > self._max_wait or waited > self._max_wait + limiter.rates.interval:
                raise QuotaError(
                    f"the next request has to wait longer than --max-wait {self._max_wait:g}: {reason}",
                    retryable=True,
                    retry_after=wait,
                )
            if wait > _REPORTED:
                self._report(f"waiting {format_rough_duration(wait)}: {reason}")
            if await stop.within(wait):
                return
            # A pause may have begun meanwhile.
            wait = limiter.paused()
