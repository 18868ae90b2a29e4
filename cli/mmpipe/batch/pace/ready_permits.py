"""Permits that are used as soon as they are granted: nobody takes one while no request can be sent."""

import asyncio
from collections.abc import Callable
from typing import Final

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.permits import PermitSource
from mmpipe.core.request import Request

_LOOK: Final = 0.05  # seconds between two looks


class ReadyPermits:
    """The permits of a source, granted only while `is_ready`.

    Requests that keep their permits until a worker is there would all be sent at once then, above the rate.
    """

    def __init__(self, permits: PermitSource, is_ready: Callable[[], bool]) -> None:
        self._permits, self._is_ready = permits, is_ready
        self._turn = asyncio.Lock()

    async def acquire(self, request: Request, stop: StopSignal) -> float | None:
        """Wait until requests can be sent, and for the permits; the tokens that they reserve, or None if the run stops first.

        A permit that is granted while nothing can be sent is given up, and its tokens are given back.
        """
        while True:
            await self._wait_until_ready(stop)
            reserved = await self._permits.acquire(request, stop)
            if reserved is None or self._is_ready():
                return reserved
            self._permits.settle(request, reserved, 0)

    def settle(self, request: Request, reserved: float, used: float | None) -> None:
        """Replace the reserved tokens by the used ones; None if nobody knows how many were used."""
        self._permits.settle(request, reserved, used)

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        self._permits.pause(seconds)

    async def _wait_until_ready(self, stop: StopSignal) -> None:
        """Return once requests can be sent, or when the run stops."""
        if not self._is_ready():
            # One looks, and the others wait for it.
            async with self._turn:
                while not self._is_ready() and not await stop.within(_LOOK):
                    pass
