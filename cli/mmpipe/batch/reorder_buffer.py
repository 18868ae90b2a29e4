"""Brings back into the order of the input what came as it was completed; pure."""

from collections.abc import Iterator
from typing import Final

_MOST_AHEAD: Final = 10_000  # places
_MOST_HELD: Final = 64 << 20  # bytes


class ReorderBuffer:
    """Holds a line until all before it are there.

    Whoever begins no record that `is_too_far_ahead` has a bounded memory, however long one answer takes.
    """

    def __init__(self, most_ahead: int = _MOST_AHEAD, most_held: int = _MOST_HELD) -> None:
        self._most_ahead, self._most_held = most_ahead, most_held
        self._next = 0
        self._held: dict[int, bytes | None] = {}
        self._bytes = 0

    def is_too_far_ahead(self, index: int) -> bool:
        """Whether the record at this place is better begun later; never true for the one that all wait for."""
        ahead = index - self._next
        return ahead >= self._most_ahead or (ahead > 0 and self._bytes > self._most_held)

    def rest(self) -> Iterator[bytes]:
        """What is still held, in order: a place before it will not come any more."""
        for index in sorted(self._held):
            line = self._held.pop(index)
            if line is not None:
                yield line

    def put(self, index: int, line: bytes | None) -> Iterator[bytes]:
        """The lines that can come out now; None is a place of which nothing is written."""
        self._held[index] = line
        self._bytes += len(line or b"")
        while self._next in self._held:
            ready = self._held.pop(self._next)
            self._next += 1
            if ready is not None:
                self._bytes -= len(ready)
                yield ready
