"""Asks identical requests once: the other records wait for that answer, or get it later from memory or journal."""

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.ledger import Ledger
from mmpipe.batch.pace.condition import Condition, StopSignal
from mmpipe.batch.records.records import Record

_PLACE: Final = struct.Struct(">QI")  # offset of a line in the journal, and its length in bytes
_MAX_REMEMBERED: Final = 4 << 20  # bytes of lines, where there is no journal to read them from
_MAX_WAITING: Final = 10_000  # records; the next one is taken in when some of them have their answer


class Answers(Protocol):
    """Result lines by the hash of the request that they answer."""

    def keep(self, request: bytes, line: bytes, offset: int) -> None: ...
    def get(self, request: bytes) -> bytes | None: ...


class RecentAnswers:
    """The last lines, in bounded memory: for a pipe that may have no end."""

    def __init__(self) -> None:
        self._lines: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0

    def keep(self, request: bytes, line: bytes, _: int) -> None:
        """Remember the line, and forget the oldest ones beyond the limit."""
        self._lines[request] = line
        self._size += len(line)
        while self._size > _MAX_REMEMBERED:
            self._size -= len(self._lines.popitem(last=False)[1])

    def get(self, request: bytes) -> bytes | None:
        """The line, if it is still remembered."""
        line = self._lines.get(request)
        if line is not None:
            self._lines.move_to_end(request)
        return line


class JournalAnswers:
    """All lines, by their places in the journal; `flush` writes the lines that are not in it yet."""

    def __init__(self, journal: Journal, flush: Callable[[], None]) -> None:
        self._journal, self._flush = journal, flush
        self._places = Ledger(_PLACE.size)

    def keep(self, request: bytes, line: bytes, offset: int) -> None:
        """Remember the place of the line."""
        self._places.put(request, _PLACE.pack(offset, len(line)))

    def get(self, request: bytes) -> bytes | None:
        """The line, read back from the journal."""
        place = self._places.get(request)
        if place is None:
            return None
        offset, length = _PLACE.unpack(place)
        if offset + length > self._journal.end:
            self._flush()
        return self._journal.read(offset, length)


class RequestCoalescer:
    """The requests in flight, the records that wait for their answers, and the answers so far.

    `copy` is called with a record, the line that it shares, and the cause of its failure; None for a good answer.
    """

    def __init__(
        self, answers: Answers, copy: Callable[[Record, bytes, str | None], None], stop: StopSignal
    ) -> None:
        self._answers, self._copy = answers, copy
        self._condition = Condition(stop)
        self._in_flight: dict[bytes, list[Record]] = {}  # the records that wait for each request
        self._waiting = 0

    async def shares_answer(self, record: Record) -> bool:
        """True if the record gets the answer of another one, now or later; False if it must be asked itself."""
        request = _hash(record)
        await self._condition.until(lambda: request not in self._in_flight or self._waiting < _MAX_WAITING)
        if request in self._in_flight:
            self._in_flight[request].append(record)
            self._waiting += 1
            return True
        line = self._answers.get(request)
        if line is None:
            self._in_flight[request] = []
            return False
        self._copy(record, line, None)
        return True

    def settle(self, record: Record, line: bytes, offset: int, cause: str | None) -> None:
        """Give the result line of an asked record to all that wait for it; keep it, with its offset, without a `cause`."""
        request = _hash(record)
        duplicates = self._in_flight.pop(request, [])
        self._waiting -= len(duplicates)
        self._condition.changed()
        if cause is None:
            self._answers.keep(request, line, offset)
        for duplicate in duplicates:
            self._copy(duplicate, line, cause)


def _hash(record: Record) -> bytes:
    return bytes.fromhex(record.sha256[:32])
