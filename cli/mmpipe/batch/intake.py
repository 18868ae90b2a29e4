"""Takes records in, in their order: a thread reads the input, and records that need no answer are skipped."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto
from typing import Final, Generic, TypeVar

from mmpipe.batch.delivery import Delivery
from mmpipe.batch.input_check import RecordSource
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.record_check import is_answered, refuse_repeated
from mmpipe.batch.records.records import AnsweredRecord, BadRecord, Record
from mmpipe.batch.records.repeated_ids import RepeatedIds

_PIECES_AHEAD: Final = 2
_SKIPPED_AT_ONCE: Final = 1000  # records, before other tasks have their turn

Item = TypeVar("Item")


class _InputEnd(Enum):
    END = auto()


class BackgroundReader(Generic[Item]):
    """Reads `items` in a thread, at most `ahead` of their use; create it inside the event loop.

    A pipe without data blocks only the thread, which ends with the process.
    """

    def __init__(self, items: Iterator[Item], ahead: int) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._free = threading.Semaphore(ahead)
        self._ready: deque[Item | _InputEnd | Exception] = deque()
        self._arrival = asyncio.Event()
        self._closed = False
        threading.Thread(target=self._read, daemon=True, name="background reader").start()

    def available(self) -> Iterator[Item | None]:
        """The items in their order, None after each, and whenever the next one is not there yet; raises what reading raised."""
        while True:
            match self._ready[0] if self._ready else None:
                case None:
                    yield None
                case _InputEnd():
                    return
                case Exception() as error:
                    raise error
                case item:
                    self._ready.popleft()
                    self._free.release()
                    yield item
                    # There may be more items without a record than the deadline and signals can wait for.
                    yield None

    async def arrival(self) -> None:
        """Return when an item or the end has arrived; another task may have taken it already."""
        # Not a loop: the item may bring several records, and all tasks that wait must look for them.
        if not self._ready:
            self._arrival.clear()
            await self._arrival.wait()

    def close(self) -> None:
        """Read no further: the end follows the items that are there."""
        self._closed = True
        self._free.release()
        self._add(_InputEnd.END)

    def _read(self) -> None:
        end: _InputEnd | Exception = _InputEnd.END
        try:
            for item in self._items:
                self._free.acquire()
                if self._closed:
                    return
                self._hand_over(item)
        except Exception as error:  # noqa: BLE001  the boundary of the thread: the taker of the items gets the error
            end = error
        self._hand_over(end)

    def _hand_over(self, item: Item | _InputEnd | Exception) -> None:
        # The loop may be closed already; then nobody takes the item.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._add, item)

    def _add(self, item: Item | _InputEnd | Exception) -> None:
        self._ready.append(item)
        self._arrival.set()


class RecordIntake:
    """The records that a run has to ask, until the run stops; create it inside the event loop."""

    def __init__(
        self, source: RecordSource, journal: Journal | None, delivery: Delivery, stop: StopSignal
    ) -> None:
        self._source, self._journal, self._delivery = source, journal, delivery
        self._reader = BackgroundReader(source.pieces, _PIECES_AHEAD)
        self._records = source.records(self._reader.available())
        self._seen = None if source.checked else RepeatedIds()
        self._read = 0
        self._begun = 0
        stop.on_set(self._close)

    async def next_record(self) -> Record | BadRecord | None:
        """The next record without a good answer, or a bad one; None at the end. Waits for capacity in memory.

        A record with a repeated id is a bad one. Raises InputError for an id that the journal has with another request.
        """
        while True:
            # Nothing is awaited between this and the `hold` of a record that is read, so that only one is above the limit.
            await self._delivery.memory.wait_for_capacity()
            found = next(self._records, _InputEnd.END)
            if found is _InputEnd.END:
                return None
            if found is None:
                await asyncio.sleep(0)
                await self._reader.arrival()
                continue
            self._read += 1
            if self._seen is not None and not isinstance(found, AnsweredRecord):
                found = refuse_repeated(found, self._seen)
            if not self._source.takes(found):
                self._delivery.skip(found.index, is_answered=False)
            elif isinstance(found, AnsweredRecord) or self._is_answered(found):
                self._delivery.skip(found.index, is_answered=True)
            else:
                return found if self._begin(found) else None
            if self._read % _SKIPPED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _close(self) -> None:
        """Take no further record."""
        self._records = iter(())
        self._reader.close()

    def _begin(self, record: Record | BadRecord) -> bool:
        """Count the record as begun, and close the input with the last one; False if the limit was reached before."""
        is_allowed = self._begun != self._source.limit
        self._begun += is_allowed
        if is_allowed and self._journal is not None:
            self._journal.is_used = True
        if is_allowed and isinstance(record, Record):
            self._delivery.memory.hold(record.index, record.size)
        if self._begun == self._source.limit:
            self._close()
        return is_allowed

    def _is_answered(self, found: Record | BadRecord) -> bool:
        return isinstance(found, Record) and is_answered(found, self._journal)
