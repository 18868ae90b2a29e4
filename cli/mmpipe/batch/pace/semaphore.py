"""Lets in as many requests at once as there is room for, first come first served."""

import asyncio
from collections import deque
from typing import Protocol


class WindowSize(Protocol):
    """Room to ask: how many at once, by what became of those before."""

    @property
    def allowed(self) -> int: ...
    def finished(self, *, overloaded: bool) -> None: ...


class AdaptiveSemaphore:
    """Lets in no more than the window allows, first come first served."""

    def __init__(self, window: WindowSize) -> None:
        self._window = window
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self.inside < self._window.allowed and not self._waiting:
            self.inside += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            # Whoever wakes us has counted us in.
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def finished(self, *, overloaded: bool) -> None:
        """Tell the window what became of one."""
        self._window.finished(overloaded=overloaded)

    def _leave(self) -> None:
        self.inside -= 1
        while self._waiting and self.inside < self._window.allowed:
            place = self._waiting.popleft()
            if not place.cancelled():
                self.inside += 1
                place.set_result(None)
