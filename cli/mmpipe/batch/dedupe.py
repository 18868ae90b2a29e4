"""Asks identical requests once: the others wait for the answer of the first, or are given it again."""

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.journal.ledger import Ledger
from mmpipe.batch.pace.condition import Condition
from mmpipe.batch.records.records import Record

_PLACE: Final = struct.Struct(">QI")  # where a line begins in the journal, and its bytes
_REMEMBERED: Final = 4 << 20  # bytes of lines, where there is no journal to read them in
_MOST_WAITING: Final = 10_000  # records; more than that are not taken in


class Answers(Protocol):
    """Lines by the hash of the request that they answer."""

    def keep(self, request: bytes, line: bytes, place: int) -> None: ...
    def get(self, request: bytes) -> bytes | None: ...


class RecentAnswers:
    """The last ones, in bounded memory: for a pipe that may have no end."""

    def __init__(self) -> None:
        self._lines: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0

    def keep(self, request: bytes, line: bytes, _: int) -> None:
        """Remember the line, and forget the oldest ones for it."""
        self._lines[request] = line
        self._size += len(line)
        while self._size > _REMEMBERED:
            self._size -= len(self._lines.popitem(last=False)[1])

    def get(self, request: bytes) -> bytes | None:
        """The line, if it is still known."""
        line = self._lines.get(request)
        if line is not None:
            self._lines.move_to_end(request)
        return line


class JournalAnswers:
    """All of them, by their places in the journal; `flush` writes what is not there yet."""

    def __init__(self, journal: Journal, flush: Callable[[], None]) -> None:
        self._journal, self._flush = journal, flush
        self._places = Ledger(_PLACE.size)

    def keep(self, request: bytes, line: bytes, place: int) -> None:
        """Remember where the line will stand."""
        self._places.put(request, _PLACE.pack(place, len(line)))

    def get(self, request: bytes) -> bytes | None:
        """The line, read back."""
        found = self._places.get(request)
        if found is None:
            return None
        place, length = _PLACE.unpack(found)
        if place + length > self._journal.end:
            self._flush()
        return self._journal.read(place, length)


class RequestCoalescer:
    """Which requests are asked at this moment, who waits for their answers, and the answers that came.

    `give` is called with a record, the line of the answer that it shares, and whether that is a good one.
    """

    def __init__(
        self, answers: Answers, change: Condition, give: Callable[[Record, bytes, bool], None]
    ) -> None:
        self._answers, self._change, self._give = answers, change, give
        self._asked: dict[bytes, list[Record]] = {}
        self._waiting = 0

    async def takes(self, record: Record) -> bool:
        """Whether the record shares an answer, and is given it now or when it comes; if not, it is to be asked."""
        request = _hash(record)
        await self._change.until(lambda: request not in self._asked or self._waiting < _MOST_WAITING)
        if request in self._asked:
            self._asked[request].append(record)
            self._waiting += 1
            return True
        line = self._answers.get(request)
        if line is None:
            self._asked[request] = []
            return False
        self._give(record, line, True)
        return True

    def settle(self, record: Record, line: bytes, place: int, *, good: bool) -> None:
        """The record was asked, and this is its line, which stands at this place of the journal."""
        request = _hash(record)
        waited = self._asked.pop(request, [])
        self._waiting -= len(waited)
        self._change.happened()
        if good:
            self._answers.keep(request, line, place)
        for twin in waited:
            self._give(twin, line, good)


def _hash(record: Record) -> bytes:
    return bytes.fromhex(record.sha256[:32])
