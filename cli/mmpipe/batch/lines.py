"""Cuts bytes that come in pieces into lines, in linear time and bounded memory; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 16 * 2**20  # bytes
NEWLINE: Final = b"\n"
NUL: Final = b"\0"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `number` counts from 1 in its source."""

    source: str
    number: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Oversized:
    """A line of more than `limit` bytes, none of which were kept."""

    source: str
    number: int
    limit: int


class Splitter:
    """Lines end at `separator` and nowhere else: U+2028, a lone carriage return or a form feed may stand in a text.

    Both methods are generators, and have to be run to their end.
    """

    def __init__(self, source: str, separator: bytes = NEWLINE, limit: int = MAX_LINE) -> None:
        self._source, self._separator, self._limit = source, separator, limit
        self._held = bytearray()
        self._number = 1
        self._refused = False

    def feed(self, piece: bytes) -> Iterator[Line | Oversized]:
        """The lines that `piece` brings to their end; a line that grows too long is told at once."""
        start = 0
        while (end := piece.find(self._separator, start)) >= 0:
            yield from self._grow(piece[start:end])
            if not self._refused:
                yield self._line(ended=True)
            self._held.clear()
            self._number += 1
            self._refused = False
            start = end + len(self._separator)
        yield from self._grow(piece[start:])

    def close(self) -> Iterator[Line | Oversized]:
        """The last line, if there is something after the last separator."""
        if not self._refused and (line := self._line(ended=False)).content:
            yield line
        self._held.clear()

    def _grow(self, content: bytes) -> Iterator[Oversized]:
        if self._refused:
            return
        if len(self._held) + len(content) > self._limit:
            self._held.clear()
            self._refused = True
            yield Oversized(self._source, self._number, self._limit)
        else:
            self._held += content

    def _line(self, *, ended: bool) -> Line:
        content = bytes(self._held)
        if self._number == 1:
            content = content.removeprefix(_BOM)
        if ended and self._separator == NEWLINE:
            # Half of a DOS line end: nobody sees it, and it would make another prompt of the same text.
            content = content.removesuffix(b"\r")
        return Line(self._source, self._number, content)
