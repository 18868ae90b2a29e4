"""Finds repeated ids, for many records in little memory."""

from typing import Final

from mmpipe.batch.ledger import Ledger, make_key
from mmpipe.batch.records.records import Record

_MOST_SOURCES: Final = 2**24  # more files than a command line can name
_PLACE: Final = 8  # bytes


class RepeatedIds:
    """Remembers every id and its first place.

    An id takes some 40 bytes. A record that is named by its index takes none and repeats none, so that an endless pipe
    of lines does not fill the memory.
    """

    def __init__(self) -> None:
        self._places = Ledger(_PLACE)
        self._sources: dict[str, int] = {}

    def first_place(self, record: Record) -> tuple[str, int] | None:
        """The source and line number of the first record of this id; None if this is the first, now remembered."""
        if not record.has_own_id:
            return None
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
