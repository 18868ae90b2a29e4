"""Waiting for something to change: room, money, an answer; woken by whatever changes, and for good by the end."""

import asyncio
from collections.abc import Callable


class Condition:
    """One for a whole run: what waits looks for itself whether it is its turn."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._is_over = False

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds`, or when it is over."""
        while not self._is_over and not holds():
            self._event.clear()
            await self._event.wait()

    def happened(self) -> None:
        """Have those who wait look again."""
        self._event.set()

    def end(self) -> None:
        """Nobody has to wait any more."""
        self._is_over = True
        self._event.set()
