"""Permits to send: every limiter grants one for each request."""

import asyncio
from collections.abc import Callable, Sequence

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.limiter import Limiter
from mmpipe.core.request import Request


class Permits:
    """The permits of all `limiters`; `tokens` estimates the tokens to reserve for a request."""

    def __init__(self, limiters: Sequence[Limiter], tokens: Callable[[Request], float]) -> None:
        self._limiters, self._tokens = limiters, tokens
        self._turn = asyncio.Lock()

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait for the permits; the tokens that they reserve, or None if the run stops first.

        One request at a time. If many reserved and slept at once, one that wakes late would be sent together with the
        next ones, above the rate; and none of them would notice a pause.
        """
        reserved, asked = self._tokens(request), list[Limiter]()
        async with self._turn:
            for limiter in self._limiters:
                asked.append(limiter)
                wait = limiter.reserve(reserved)
                while wait > 0 and not await stop.within(wait):
                    # A pause may have begun meanwhile.
                    wait = limiter.paused()
                if stop.is_set:
                    break
        if not stop.is_set:
            return reserved
        # Other runs may share a limiter, and could use these tokens.
        for limiter in asked:
            limiter.settle(reserved, 0)
        return None

    def settle(self, reserved: float, used: float | None) -> None:
        """Replace the reserved tokens by the used ones; None if nobody knows how many were used."""
        if reserved and used is not None:
            for limiter in self._limiters:
                limiter.settle(reserved, used)

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        for limiter in self._limiters:
            limiter.pause(seconds)
