"""Brings back into the order of the input what came as it was completed; pure."""

from collections.abc import Iterator


class InOrder:
    """Holds a line until all before it are there; `ahead` is how far the input was read past the first that is missing.

    Nothing is held that its reader did not let in: who takes no record `ahead` of a bound has a bounded memory.
    """

    def __init__(self, first: int = 0) -> None:
        self._next = first
        self._held: dict[int, bytes | None] = {}

    def ahead(self, index: int) -> int:
        """How many places `index` is past the next that is to come out."""
        return index - self._next

    def put(self, index: int, line: bytes | None) -> Iterator[bytes]:
        """The lines that can come out now; None is a place of which nothing is written."""
        self._held[index] = line
        while self._next in self._held:
            ready = self._held.pop(self._next)
            self._next += 1
            if ready is not None:
                yield ready
