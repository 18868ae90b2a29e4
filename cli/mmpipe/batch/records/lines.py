"""Cuts bytes that come in pieces into lines, in linear time and bounded memory; pure."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MAX_LINE: Final = 16 * 2**20  # bytes
NEWLINE: Final = b"\n"
NUL: Final = b"\0"
_BOM = b"\xef\xbb\xbf"


# Structs, and no frozen dataclasses: those take longer to be made than all that is done to a line here.
class Line(Struct, frozen=True, gc=False):
    """A line without its end; `number` counts from 1 in its source, `skipped` are the bytes of a BOM before it."""

    source: str
    number: int
    content: bytes
    skipped: int = 0


class Oversized(Struct, frozen=True, gc=False):
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
        # Half of a DOS line end: nobody sees it, and it would make another prompt of the same text.
        self._half_end = b"\r" if separator == NEWLINE else b""
        self._held = bytearray()
        self._number = 1
        self._refused = False

    def feed(self, piece: bytes) -> Iterator[Line | Oversized]:
        """The lines that `piece` brings to their end; a line that grows too long is told at once."""
        first, *others = piece.split(self._separator)
        yield from self._grow(first)
        if others:
            yield from self._end()
            last = others.pop()
            yield from self._whole(others)
            yield from self._grow(last)

    def close(self) -> Iterator[Line | Oversized]:
        """The last line, if there is something after the last separator."""
        if not self._refused and (line := self._line()).content:
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

    def _end(self) -> Iterator[Line]:
        """The line that was held."""
        if not self._refused:
            yield self._line(self._half_end)
        self._held.clear()
        self._number += 1
        self._refused = False

    def _whole(self, contents: list[bytes]) -> Iterator[Line | Oversized]:
        """The lines that came whole in one piece: nearly all, so that nothing is done here that need not be."""
        source, limit, half_end = self._source, self._limit, self._half_end
        for number, content in enumerate(contents, self._number):
            if len(content) <= limit:
                yield Line(source, number, content.removesuffix(half_end))
            else:
                yield Oversized(source, number, limit)
        self._number += len(contents)

    def _line(self, end: bytes = b"") -> Line:
        skipped = len(_BOM) if self._number == 1 and self._held.startswith(_BOM) else 0
        return Line(self._source, self._number, bytes(self._held[skipped:]).removesuffix(end), skipped)
