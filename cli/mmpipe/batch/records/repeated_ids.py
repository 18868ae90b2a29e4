"""Finds ids that come twice, for many records in little memory."""

from bisect import bisect_right
from typing import Final

from mmpipe.batch.journal.ledger import Ledger, key_of
from mmpipe.batch.records.records import Record

_MOST_SOURCES: Final = 2**24  # more files than a command line can name
_PLACE: Final = 8  # bytes
_LONGEST_INDEX: Final = 18  # digits; nobody reads more records


class RepeatedIds:
    """Remembers every id and where it was first; records are to be shown in the order of their index.

    An id costs some 40 bytes. A record that is named by its index costs nothing while the next ones are too, so that
    an endless pipe of lines does not fill the memory.
    """

    def __init__(self) -> None:
        self._places = Ledger(_PLACE)
        self._sources: dict[str, int] = {}
        self._runs: list[_Run] = []

    def seen(self, record: Record) -> tuple[str, int] | None:
        """Source and line number of the first record of this id; None (and remembered) if this is the first."""
        if record.id == str(record.index):
            if self._places and (first := self._places.get(key_of(record.id))) is not None:
                return self._told(first)
            self._lengthen(record)
            return None
        if (run := self._run_of(record.id)) is not None:
            return run.source, run.number_of(int(record.id))
        key = key_of(record.id)
        if (first := self._places.get(key)) is not None:
            return self._told(first)
        self._places.put(key, self._place(record.source, record.number))
        return None

    def _told(self, place: bytes) -> tuple[str, int]:
        number, source = divmod(int.from_bytes(place), _MOST_SOURCES)
        return list(self._sources)[source], number

    def _place(self, source: str, number: int) -> bytes:
        known = self._sources.setdefault(source, len(self._sources))
        return (number * _MOST_SOURCES + known).to_bytes(_PLACE)

    def _run_of(self, id: str) -> "_Run | None":  # noqa: A002  the field's name
        """The run in which a record has this id."""
        if not (self._runs and id.isdecimal() and id.isascii() and len(id) <= _LONGEST_INDEX):
            return None
        index = int(id)
        at = bisect_right(self._runs, index, key=lambda run: run.first) - 1
        return self._runs[at] if at >= 0 and str(index) == id and index in self._runs[at] else None

    def _lengthen(self, record: Record) -> None:
        if not (self._runs and self._runs[-1].takes(record)):
            self._runs.append(_Run(record))


class _Run:
    """Records named by their index, each as far from the one before as the second is from the first.

    They are not next to each other where blank lines stand between them, or where this run has one shard of the input.
    """

    __slots__ = ("_count", "_line_step", "_number", "_step", "first", "source")

    def __init__(self, record: Record) -> None:
        self.source, self.first, self._number = record.source, record.index, record.number
        self._count = self._step = self._line_step = 1

    def __contains__(self, index: int) -> bool:
        return index in range(self.first, self.first + self._count * self._step, self._step)

    def number_of(self, index: int) -> int:
        """The line of the record that is named by its `index`."""
        return self._number + (index - self.first) // self._step * self._line_step

    def takes(self, record: Record) -> bool:
        """Whether it is the next one; if so it is in from now on."""
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
