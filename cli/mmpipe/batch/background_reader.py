"""Brings items from a blocking iterator into the loop: a thread reads, a little ahead of what is taken."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End(Enum):
    END = auto()


class BackgroundReader(Generic[Item]):
    """Items of `items`, of which at most `ahead` wait to be taken; to be made inside the loop.

    A pipe that stands still holds the thread only, which ends with the process.
    """

    def __init__(self, items: Iterator[Item], ahead: int) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(ahead)
        self._ready: deque[Item | _End | Exception] = deque()
        self._arrival = asyncio.Event()
        self._closed = False
        threading.Thread(target=self._read, daemon=True, name="feed").start()

    def at_hand(self) -> Iterator[Item | None]:
        """The items in their order, and None as often as the next is not there yet; raises what reading raised."""
        while True:
            match self._ready[0] if self._ready else None:
                case None:
                    yield None
                case _End():
                    return
                case Exception() as error:
                    raise error
                case item:
                    self._ready.popleft()
                    self._room.release()
                    yield item

    async def arrival(self) -> None:
        """Return when there is more at hand, or the end."""
        while not self._ready:
            self._arrival.clear()
            await self._arrival.wait()

    def close(self) -> None:
        """Read no further; after what is at hand comes the end."""
        self._closed = True
        self._room.release()
        self._arrived(_End.END)

    def _read(self) -> None:
        end: _End | Exception = _End.END
        try:
            for item in self._items:
                self._room.acquire()
                if self._closed:
                    return
                self._tell(item)
        except Exception as error:  # noqa: BLE001  the boundary of the thread: whoever takes items is to have it
            end = error
        self._tell(end)

    def _tell(self, what: Item | _End | Exception) -> None:
        # The loop may be closed by now; then nobody wants to know.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived, what)

    def _arrived(self, what: Item | _End | Exception) -> None:
        self._ready.append(what)
        self._arrival.set()
