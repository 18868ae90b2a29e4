"""Waiting inside a run: for a condition that others change, and for the end of the run."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Condition:
    """A condition variable: all waiters check again after each change, and none waits once the run ends."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._is_over = False

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds` does, or when the run is over."""
        while not self._is_over and not holds():
            self._event.clear()
            await self._event.wait()

    def changed(self) -> None:
        """Let the waiters check again."""
        self._event.set()

    def end(self) -> None:
        """Release all waiters for good: the run is over."""
        self._is_over = True
        self._event.set()


class StopSignal:
    """Set once, when the run is to send no further request."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def within(self, seconds: float) -> bool:
        """Wait at most so long; True if the run is stopped by then."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._event.wait()
        return self.is_set
