"""Cuts a text that comes in pieces into lines, always at the same places."""

from collections.abc import Iterator
from typing import Final

from mmpipe.text.visible import visible

LIMIT: Final = 8192  # characters of a line, a paragraph or a waiting table; what is longer is shown in parts


class LineCutter:
    """Yields lines without their ends, control characters visible; a line of LIMIT characters or more comes in pieces."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def feed(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield each piece of a line, and True if the line ends there."""
        *ended, rest = text.split("\n")
        for line in ended:
            yield from self._add(line)
            yield self._take().removesuffix("\u240d"), True  # a carriage return, made visible
        yield from self._add(rest)

    def close(self) -> Iterator[tuple[str, bool]]:
        """Yield what is left, if anything."""
        if self._size:
            yield self._take().removesuffix("\u240d"), True

    def _add(self, text: str) -> Iterator[tuple[str, bool]]:
        """Keep `text`, and yield full pieces."""
        start = 0
        while self._size + len(text) - start >= LIMIT:
            end = start + LIMIT - self._size
            self._parts.append(text[start:end])
            yield self._take(), False
            start = end
        self._parts.append(text[start:])
        self._size += len(text) - start

    def _take(self) -> str:
        line = visible("".join(self._parts))
        self._parts.clear()
        self._size = 0
        return line
