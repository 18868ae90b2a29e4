"""A table of millions of small rows: 16-byte keys to values of one width, without an object for each."""

from array import array
from hashlib import blake2b
from typing import Final

_KEY: Final = 16
_SLOTS: Final = 1024  # to begin with; always a power of two


class Ledger:
    """Rows one after the other, and slots of four bytes that say where to look; a dict takes six times as much."""

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
        slot = self._slot(key)
        row = self._slots[slot]
        if row:
            self._rows[(row - 1) * self._step + _KEY : row * self._step] = value
            return
        self._rows += key
        self._rows += value
        self._count += 1
        self._slots[slot] = self._count
        if 3 * self._count > 2 * len(self._slots):
            self._grow()

    def _slot(self, key: bytes) -> int:
        """Where `key` is, or the free slot where it would be."""
        slots, rows, step, last = self._slots, self._rows, self._step, len(self._slots) - 1
        slot = hash(key) & last
        while row := slots[slot]:
            start = (row - 1) * step
            if rows[start : start + _KEY] == key:
                break
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        self._slots = array("I", bytes(4 * 4 * len(self._slots)))
        for row in range(self._count):
            start = row * self._step
            self._slots[self._slot(bytes(self._rows[start : start + _KEY]))] = row + 1


def key_of(name: str) -> bytes:
    """The key for an id; JSON can hold halves of surrogate pairs, which UTF-8 cannot."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()
