"""A hash table for millions of small rows: 16-byte keys to values of one width, without an object for each."""

import struct
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from heapq import merge
from typing import Final

_KEY: Final = 16
# Tells keys of places, and of names that may be either, from those of ids.
_KINDS: Final = {True: b"", False: b"place", None: b"either"}
_SLOTS: Final = 1024  # to begin with; always a power of two
_MANY: Final = 1 << 20  # slots; larger tables double instead of growing fourfold, to waste less memory
_PIECE: Final = 1 << 14  # rows that are sorted at once


class Ledger:
    """Rows in one byte array, and slots of four bytes that point to them; a dict takes six times the memory."""

    __slots__ = ("_count", "_rows", "_slots", "_step")

    def __init__(self, width: int) -> None:
        self._step = _KEY + width
        self._count = 0
        self._rows = bytearray()
        self._slots = array("I", bytes(4 * _SLOTS))

    def __len__(self) -> int:
        return self._count

    def get(self, key: bytes) -> bytes | None:
        """The value last put under `key`."""
        row = self._slots[self._slot(key)]
        return bytes(self._rows[(row - 1) * self._step + _KEY : row * self._step]) if row else None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep `value` under `key`, in place of what was there."""
        self.put_all(((key, value),))

    def put_all(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Put each key and value before the next pair is taken."""
        # One loop without calls: a large journal passes through it half a million times.
        slots, rows, step = self._slots, self._rows, self._step
        last = len(slots) - 1
        for key, value in pairs:
            slot = hash(key) & last
            while row := slots[slot]:
                start = (row - 1) * step
                if rows[start : start + _KEY] == key:
                    rows[start + _KEY : start + step] = value
                    break
                slot = (slot + 1) & last
            else:
                rows += key + value
                self._count += 1
                slots[slot] = self._count
                # Half full, a miss looks at two or three slots; two thirds full, at five.
                if 2 * self._count > last:
                    self._grow()
                    slots = self._slots
                    last = len(slots) - 1

    def _slot(self, key: bytes) -> int:
        """The slot of `key`, or the free slot where it belongs."""
        slots, rows, step = self._slots, self._rows, self._step
        last = len(slots) - 1
        slot = hash(key) & last
        while row := slots[slot]:
            start = (row - 1) * step
            if rows[start : start + _KEY] == key:
                break
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        factor = 4 if len(self._slots) < _MANY else 2
        slots = array("I", bytes(4 * factor * len(self._slots)))
        last = len(slots) - 1
        keys = struct.iter_unpack(f"{_KEY}s{self._step - _KEY}x", self._rows)
        for row, (key,) in enumerate(keys, 1):
            # Keys are unique, so that none needs to be compared.
            slot = hash(key) & last
            while slots[slot]:
                slot = (slot + 1) & last
            slots[slot] = row
        self._slots = slots


def make_key(name: str, *, has_own_id: bool | None = True) -> bytes:
    """The key for the record of this id, or (False) of the record without one at this place; None if it may be either.

    The three have nothing in common. JSON can hold lone surrogates, which UTF-8 cannot.
    """
    kind = _KINDS[has_own_id]
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_KEY, person=kind).digest()


def sorted_rows(rows: bytearray, width: int) -> Iterator[bytes]:
    """The rows of this width in ascending order; `rows` is reordered, so that few rows are objects at a time."""
    step = _PIECE * width
    pieces = [(start, min(start + step, len(rows))) for start in range(0, len(rows), step)]
    for start, end in pieces:
        rows[start:end] = b"".join(sorted(_cut(rows, start, end, width)))
    return merge(*(_cut(rows, start, end, width) for start, end in pieces))


def _cut(rows: bytearray, start: int, end: int, width: int) -> Iterator[bytes]:
    for at in range(start, end, width):
        yield bytes(rows[at : at + width])
