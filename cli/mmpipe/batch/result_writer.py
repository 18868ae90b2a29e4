"""The way out for the lines of a batch: all that are ready at one time go out in one write, to standard output or journal."""

import asyncio
from collections.abc import Callable
from typing import Final

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.pace.condition import Condition
from mmpipe.batch.reorder_buffer import ReorderBuffer
from mmpipe.errors import MmpipeError, OutputError
from mmpipe.text.visible import visible_json
from mmpipe.unix.streams import Output

_SYNC_EVERY: Final = 1.0  # seconds; what a power cut may take
_MOST_WAITING: Final = 16 << 20  # bytes that a slow reader may leave unread


class ResultWriter:
    """Where lines go: to the `journal` as they come, or else to `stdout`, in the order of the input if that is wanted.

    A journal is never kept waiting, since what is not in it is lost with the process. A reader of stdout who stands
    still holds up a thread, and nothing else. `make_way` is called before anything is written to a terminal, where
    something else may be drawn.
    """

    def __init__(
        self,
        stdout: Output,
        journal: Journal | None,
        change: Condition,
        make_way: Callable[[], None],
        *,
        in_order: bool,
    ) -> None:
        self._stdout, self._journal, self._change, self._make_way = stdout, journal, change, make_way
        self._order = ReorderBuffer() if in_order and journal is None else None
        # Where in the journal the next line will stand.
        self.end = 0 if journal is None else journal.end
        self._ready: list[bytes] = []
        self._waiting = 0  # bytes
        self._put = self._written = 0  # lines
        self._something = asyncio.Event()
        self._is_closed = False
        self._is_broken = False

    @property
    def unwritten(self) -> int:
        """Lines that were put and may not be where they belong."""
        return self._put - self._written

    def put(self, index: int, line: bytes | None) -> None:
        """Have the line of the record at this place written; None if there is none to write."""
        self._put += line is not None
        if self._order is not None:
            self._take(list(self._order.put(index, line)))
            self._change.happened()
        elif line is not None:
            self._take([line])

    async def room_for(self, index: int) -> None:
        """Return when the record at this place may be begun without holding too much back."""
        await self._change.until(lambda: not self._is_full(index))

    def close(self) -> None:
        """Nothing more comes; what was held for a place before it goes out too."""
        if self._order is not None:
            self._take(list(self._order.rest()))
        self._is_closed = True
        self._something.set()

    async def keep_written(self) -> None:
        """Write what is put as soon as it is ready, until all is written and it is closed.

        Raises OutputError, PipeClosed.
        """
        while self._ready or not self._is_closed:
            await self._something.wait()
            self._something.clear()
            if self._journal is not None:
                self.flush()
            elif self._ready:
                await self._write_out()
        self._check_kept()

    async def keep_synced(self) -> None:
        """Have what is written on the disk a second later, until cancelled; raises OutputError."""
        while self._journal is not None:
            await asyncio.sleep(_SYNC_EVERY)
            self._check_kept()
            # A slow disk must not hold up the answers.
            await asyncio.to_thread(self._journal.sync)

    def flush(self) -> None:
        """Have in the journal what is ready; after an error nothing more, which would hide that some is missing."""
        lines, self._ready = self._ready, []
        if self._journal is None or self._is_broken or not lines:
            return
        try:
            self._journal.append(lines)
        except MmpipeError:
            self._is_broken = True
            raise
        self._written += len(lines)

    def _check_kept(self) -> None:
        """Raise OutputError if the journal was taken away from us, and what is written with it."""
        # What failed is why it ends; what it left need not be looked at.
        if self._journal is None or self._is_broken:
            return
        try:
            self._journal.check_untouched()
        except OutputError:
            self._written = 0
            raise

    async def _write_out(self) -> None:
        data, count, self._ready = b"".join(self._ready), len(self._ready), []
        if self._stdout.is_terminal:
            self._make_way()
            data = visible_json(data.decode()).encode()
        await asyncio.get_running_loop().run_in_executor(None, self._stdout.write, data)
        self._written += count
        self._waiting = sum(map(len, self._ready))
        self._change.happened()

    def _take(self, lines: list[bytes]) -> None:
        if lines:
            size = sum(map(len, lines))
            self._ready += lines
            self._waiting += size
            self.end += size
            self._something.set()

    def _is_full(self, index: int) -> bool:
        if self._journal is not None:
            return False
        is_early = self._order is not None and self._order.is_too_far_ahead(index)
        return is_early or self._waiting > _MOST_WAITING
