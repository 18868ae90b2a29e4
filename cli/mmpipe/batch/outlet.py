"""The way out for the lines of a batch: all that are ready at one time go out in one write, to standard output or journal."""

import asyncio
from collections.abc import Callable
from typing import Final

from mmpipe.batch.journal import Journal
from mmpipe.batch.order import InOrder
from mmpipe.streams import Output
from mmpipe.visible import visible_json

_SYNC_EVERY: Final = 1.0  # seconds; what a power cut may take


class Outlet:
    """Where lines go: to the `journal` as they come, or else to `stdout`, in the order of the input if that is wanted.

    A journal is never kept waiting, since what is not in it is lost with the process. `make_way` is called before
    anything is written to a terminal, where something else may be drawn.
    """

    def __init__(
        self, stdout: Output, journal: Journal | None, make_way: Callable[[], None], *, in_order: bool
    ) -> None:
        self._stdout, self._journal, self._make_way = stdout, journal, make_way
        self._order = InOrder() if in_order and journal is None else None
        # Where in the journal the next line will stand.
        self.end = 0 if journal is None else journal.end
        self._ready: list[bytes] = []
        self._something = asyncio.Event()
        self._moved = asyncio.Event()

    def put(self, index: int, line: bytes | None) -> None:
        """Have the line of the record at this place written; None if there is none to write."""
        if self._order is not None:
            self._ready += self._order.put(index, line)
            self._moved.set()
        elif line is not None:
            self._ready.append(line)
            self.end += len(line)
        if self._ready:
            self._something.set()

    async def room_for(self, index: int) -> None:
        """Return when the record at this place may be begun without holding too much back."""
        while self._order is not None and self._order.is_too_far_ahead(index):
            self._moved.clear()
            await self._moved.wait()

    async def keep_written(self) -> None:
        """Write what is put as soon as it is ready, until cancelled; raises OutputError, PipeClosed."""
        while True:
            await self._something.wait()
            self.flush()

    async def keep_synced(self) -> None:
        """Have what is written on the disk a second later, until cancelled; raises OutputError."""
        while self._journal is not None:
            await asyncio.sleep(_SYNC_EVERY)
            # A slow disk must not hold up the answers.
            await asyncio.to_thread(self._journal.sync)

    def flush(self) -> None:
        """Write what is ready now; raises OutputError, PipeClosed."""
        self._something.clear()
        lines, self._ready = self._ready, []
        if not lines:
            return
        if self._journal is not None:
            self._journal.append(lines)
        elif self._stdout.is_terminal:
            self._make_way()
            self._stdout.write(visible_json(b"".join(lines).decode()).encode())
        else:
            self._stdout.write(b"".join(lines))
