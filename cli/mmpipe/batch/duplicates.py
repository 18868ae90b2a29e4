"""Finds ids that come twice, for many records in little memory."""

from bisect import bisect_right
from hashlib import blake2b

from mmpipe.batch.records import Record

_MOST_SOURCES = 2**24  # more files than a command line can name
_LONGEST_INDEX = 18  # digits; nobody reads more records


class Duplicates:
    """Remembers every id and where it was first; records are to be shown in the order of their index.

    An id costs a hash of 16 bytes and a number. A record that is named by its index costs nothing while its
    neighbours are too, so that an endless pipe of lines does not fill the memory.
    """

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._sources: dict[str, int] = {}
        # Neighbours named by their index: the first index, the index after the last, and the place of the first.
        self._runs: list[tuple[int, int, int]] = []

    def seen(self, record: Record) -> tuple[str, int] | None:
        """Source and line number of the first record of this id; None (and remembered) if this is the first."""
        source = self._sources.setdefault(record.source, len(self._sources))
        place = record.number * _MOST_SOURCES + source
        digest = blake2b(record.id.encode(), digest_size=16).digest()
        first = self._places.get(digest)
        if first is None:
            first = self._in_runs(record.id)
        if first is not None:
            number, source = divmod(first, _MOST_SOURCES)
            return list(self._sources)[source], number
        if record.id == str(record.index):
            self._lengthen(record.index, place)
        else:
            self._places[digest] = place
        return None

    def _in_runs(self, id: str) -> int | None:  # noqa: A002  the field's name
        if not (id.isascii() and id.isdecimal() and len(id) <= _LONGEST_INDEX):
            return None
        index = int(id)
        if str(index) != id:
            return None
        at = bisect_right(self._runs, index, key=lambda run: run[0]) - 1
        if at < 0 or index >= self._runs[at][1]:
            return None
        first, _, place = self._runs[at]
        return place + (index - first) * _MOST_SOURCES

    def _lengthen(self, index: int, place: int) -> None:
        if self._runs:
            first, end, start = self._runs[-1]
            if index == end and place == start + (index - first) * _MOST_SOURCES:
                self._runs[-1] = (first, index + 1, start)
                return
        self._runs.append((index, index + 1, place))
