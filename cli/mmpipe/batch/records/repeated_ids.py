"""Finds repeated ids, for many records in little memory."""

from bisect import bisect_right
from typing import Final

from mmpipe.batch.ledger import Ledger, make_key
from mmpipe.batch.records.records import Record

_MOST_SOURCES: Final = 2**24  # more files than a command line can name
_PLACE: Final = 8  # bytes
_LONGEST_INDEX: Final = 18  # digits; more records cannot be read


class RepeatedIds:
    """Remembers every id and its first place; records must be passed in the order of their index.

    An id takes some 40 bytes. Records named by their index take none while they follow each other, so that
    an endless pipe of lines does not fill the memory.
    """

    def __init__(self) -> None:
        self._places = Ledger(_PLACE)
        self._sources: dict[str, int] = {}
        self._runs: list[_IndexRun] = []

    def first_place(self, record: Record) -> tuple[str, int] | None:
        """The source and line number of the first record of this id; None if this is the first, now remembered."""
        if record.id == str(record.index):
            if self._places and (first := self._places.get(make_key(record.id))) is not None:
                return self._unpack(first)
            self._extend(record)
            return None
        if (run := self._find_run(record.id)) is not None:
            return run.source, run.number_of(int(record.id))
        key = make_key(record.id)
        if (first := self._places.get(key)) is not None:
            return self._unpack(first)
        self._places.put(key, self._pack(record.source, record.number))
        return None

    def _unpack(self, place: bytes) -> tuple[str, int]:
        number, source = divmod(int.from_bytes(place), _MOST_SOURCES)
        return list(self._sources)[source], number

    def _pack(self, source: str, number: int) -> bytes:
        known = self._sources.setdefault(source, len(self._sources))
        return (number * _MOST_SOURCES + known).to_bytes(_PLACE)

    def _find_run(self, id: str) -> "_IndexRun | None":  # noqa: A002  the field's name
        """The run in which a record has this id."""
        if not (self._runs and id.isdecimal() and id.isascii() and len(id) <= _LONGEST_INDEX):
            return None
        index = int(id)
        at = bisect_right(self._runs, index, key=lambda run: run.first) - 1
        return self._runs[at] if at >= 0 and str(index) == id and index in self._runs[at] else None

    def _extend(self, record: Record) -> None:
        if not (self._runs and self._runs[-1].add(record)):
            self._runs.append(_IndexRun(record))


class _IndexRun:
    """Records named by their index, at equal distances.

    The distance is more than 1 if blank lines lie between the records, or if they are one shard of the input.
    """

    __slots__ = ("_count", "_line_step", "_number", "_step", "first", "source")

    def __init__(self, record: Record) -> None:
        self.source, self.first, self._number = record.source, record.index, record.number
        self._count = self._step = self._line_step = 1

    def __contains__(self, index: int) -> bool:
        return index in range(self.first, self.first + self._count * self._step, self._step)

    def number_of(self, index: int) -> int:
        """The line of the record with this `index`."""
        return self._number + (index - self.first) // self._step * self._line_step

    def add(self, record: Record) -> bool:
        """Add the record if it is the next of this run; returns False if it is not."""
        index, number = record.index - self.first, record.number - self._number
        if self._count == 1:
            self._step, self._line_step = index, number
        if (
            index != self._count * self._step
            or number != self._count * self._line_step
            or record.source != self.source
        ):
            return False
        self._count += 1
        return True
