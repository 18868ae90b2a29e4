"""Waiting inside a run: for the end of the run, and for a condition that others change."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class StopSignal:
    """Set once, when the run is to send no further request."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._actions: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Stop the run; a second call changes nothing."""
        if not self.is_set:
            self._event.set()
            for action in self._actions:
                action()

    def on_set(self, action: Callable[[], None]) -> None:
        """Call `action` when the run stops."""
        self._actions.append(action)

    async def within(self, seconds: float) -> bool:
        """Wait at most so long; True if the run is stopped by then."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._event.wait()
        return self.is_set


class Condition:
    """A condition variable: all waiters check again after each change, and none waits once the run stops."""

    def __init__(self, stop: StopSignal) -> None:
        self._event, self._stop = asyncio.Event(), stop
        stop.on_set(self._event.set)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds` does, or when the run stops."""
        while not self._stop.is_set and not holds():
            self._event.clear()
            await self._event.wait()

    def changed(self) -> None:
        """Let the waiters check again."""
        self._event.set()
