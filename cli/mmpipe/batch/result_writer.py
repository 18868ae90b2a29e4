"""Writes result lines to standard output or the journal: all that are ready at one time go out in one write."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from typing import Final, Generic, TypeVar

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.pace.condition import Condition, StopSignal
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError, OutputError
from mmpipe.unix.streams import Output

_SYNC_EVERY: Final = 1.0  # seconds; a power cut may lose the lines of that time
_MAX_UNREAD: Final = 16 << 20  # bytes that a slow reader may leave unread
_MAX_AHEAD: Final = 10_000  # records that may be begun beyond a missing one
_MAX_HELD: Final = 64 << 20  # bytes of lines that wait for a missing one


Line = TypeVar("Line", bound=Sized)


@dataclass(frozen=True, slots=True)
class ResultLine:
    """The bytes of a line, and whether it holds a good answer."""

    data: bytes
    is_good: bool

    def __len__(self) -> int:
        return len(self.data)


class ReorderBuffer(Generic[Line]):
    """Holds each line until all lines before it are there; pure.

    Memory is bounded if no record is begun that `is_too_far_ahead`, however long one answer takes.
    """

    def __init__(self, max_ahead: int = _MAX_AHEAD, max_held: int = _MAX_HELD) -> None:
        self._max_ahead, self._max_held = max_ahead, max_held
        self._next = 0
        self._held: dict[int, Line | None] = {}
        self._bytes = 0

    def is_too_far_ahead(self, index: int) -> bool:
        """True if the record at this index must be begun later; never for the record that all others wait for."""
        ahead = index - self._next
        return ahead >= self._max_ahead or (ahead > 0 and self._bytes > self._max_held)

    def rest(self) -> Iterator[Line]:
        """The lines that are still held, in order: the missing ones before them will not come."""
        for index in sorted(self._held):
            line = self._held.pop(index)
            if line is not None:
                yield line

    def put(self, index: int, line: Line | None) -> Iterator[Line]:
        """Take the line of the record at this index, None if it has none; yield the lines that are now in order."""
        self._held[index] = line
        self._bytes += 0 if line is None else len(line)
        while self._next in self._held:
            ready = self._held.pop(self._next)
            self._next += 1
            if ready is not None:
                self._bytes -= len(ready)
                yield ready


@dataclass(frozen=True, slots=True)
class ResultSink:
    """Standard output for results; `render` makes the bytes of a line, which are visible already on a terminal.

    `make_way` is entered while something goes to a terminal, where progress may be drawn.
    """

    output: Output
    render: Callable[[bytes], bytes] = bytes
    make_way: Callable[[], AbstractContextManager[object]] = nullcontext

    async def write(self, data: bytes) -> None:
        """Write in a thread, which a slow reader may block. Raises OutputError and PipeClosed."""
        with self.make_way() if self.output.is_terminal else nullcontext():
            await asyncio.get_running_loop().run_in_executor(None, self.output.write_as_is, data)


class ResultWriter:
    """Writes lines to the `journal`, or else to the `sink`, there in input order if `in_order`.

    A journal is written without delay, since lines outside it are lost with the process. A reader of stdout that
    stops reading blocks one thread and nothing else.
    """

    def __init__(
        self, sink: ResultSink, journal: Journal | None, stop: StopSignal, *, in_order: bool
    ) -> None:
        self._sink, self._journal = sink, journal
        self._condition = Condition(stop)
        self._order = ReorderBuffer[ResultLine]() if in_order and journal is None else None
        self.end = 0 if journal is None else journal.end  # offset of the next line in the journal
        self._ready: list[ResultLine] = []
        self._unread = 0  # bytes
        self._put = self._written = 0  # lines with a good answer
        self._wake = asyncio.Event()
        self._is_closed = False
        self._is_broken = False

    @property
    def unwritten(self) -> int:
        """The number of good answers that were put and are not written as a whole."""
        return self._put - self._written

    def put(self, index: int, data: bytes | None, *, is_good: bool) -> None:
        """Take the line of the record at this index for writing; None if it has none."""
        line = None if data is None else ResultLine(data, is_good)
        self._put += line is not None and is_good
        if self._order is not None:
            self._add(list(self._order.put(index, line)))
            self._condition.changed()
        elif line is not None:
            self._add([line])

    async def wait_for_capacity(self, index: int) -> None:
        """Return when the record at this index may be begun without holding back too many lines, or the run stops."""
        await self._condition.until(lambda: not self._is_full(index))

    def close(self) -> None:
        """Take no further line; lines that were held for a missing one go out too."""
        if self._order is not None:
            self._add(list(self._order.rest()))
        self._is_closed = True
        self._wake.set()

    async def keep_written(self) -> None:
        """Write each line as soon as it is ready, until the writer is closed and all are written.

        Raises OutputError, PipeClosed.
        """
        while self._ready or not self._is_closed:
            await self._wake.wait()
            self._wake.clear()
            if self._journal is not None:
                self.flush()
            elif self._ready:
                await self._write_out()
        self._check_journal()

    async def keep_synced(self) -> None:
        """Sync the journal to the disk every second, until cancelled; raises OutputError."""
        while self._journal is not None:
            await asyncio.sleep(_SYNC_EVERY)
            self._check_journal()
            # In a thread: a slow disk must not delay the answers.
            await asyncio.to_thread(self._journal.sync)

    def flush(self) -> None:
        """Append the ready lines to the journal; after an error none, which would hide that some are missing."""
        lines, self._ready = self._ready, []
        if self._journal is None or self._is_broken or not lines:
            return
        begin = self._journal.end
        try:
            self._journal.append([line.data for line in lines])
        except MmpipeError:
            self._is_broken = True
            # The first lines may have fitted.
            self._count_written(lines, self._journal.end - begin)
            raise
        self._count_written(lines, self._journal.end - begin)

    def _check_journal(self) -> None:
        """Raise OutputError if the journal was removed or replaced, and the written lines with it."""
        # After a failed write the run ends with that error.
        if self._journal is None or self._is_broken:
            return
        try:
            self._journal.check_untouched()
        except OutputError:
            self._written = 0
            raise

    async def _write_out(self) -> None:
        shown = [ResultLine(self._sink.render(line.data), line.is_good) for line in self._ready]
        self._ready = []
        output = self._sink.output
        begin = output.written
        try:
            await self._sink.write(b"".join(line.data for line in shown))
        finally:
            # Before an error, or the end of a run that waits no longer, the first lines may have gone out.
            self._count_written(shown, output.written - begin)
        self._unread = sum(map(len, self._ready))
        self._condition.changed()

    def _count_written(self, lines: list[ResultLine], written: int) -> None:
        """Count the good answers among the first lines, of which so many bytes were written."""
        whole = bisect_right(list(accumulate(map(len, lines))), written)
        self._written += sum(line.is_good for line in lines[:whole])

    def _add(self, lines: list[ResultLine]) -> None:
        if lines:
            size = sum(map(len, lines))
            self._ready += lines
            self._unread += size
            self.end += size
            self._wake.set()

    def _is_full(self, index: int) -> bool:
        if self._journal is not None:
            return False
        is_early = self._order is not None and self._order.is_too_far_ahead(index)
        return is_early or self._unread > _MAX_UNREAD
