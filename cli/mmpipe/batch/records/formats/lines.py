"""Text, one prompt a line, or one before each NUL; and the splitter of all formats with such records."""

from collections.abc import Iterable, Iterator
from typing import Final

from mmpipe.batch.records.formats.record_format import (
    MAX_RECORD,
    NEWLINE,
    Content,
    RawRecord,
    RecordFormat,
    Unreadable,
    too_long,
)
from mmpipe.text.utf8 import measure_bom, strip_bom

_BEGINNING: Final = 64  # bytes of a line that tell its format early


class Lines(RecordFormat):
    """Each line is a prompt, byte for byte."""

    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """The lines, also the blank ones."""
        splitter = LineSplitter(self.source, self.options.separator, self.options.limit)
        for piece in pieces:
            if piece is None:
                yield None
            elif piece:
                yield from splitter.feed(piece)
            else:
                yield from splitter.close()

    def parse(self, raw: RawRecord) -> Content:
        """The line as a prompt."""
        text = self.decode(raw)
        return Content(text, text)


class LineSplitter:
    """Cuts bytes into lines, in linear time and bounded memory; both methods must be iterated to their end.

    Lines end at `separator` and nowhere else: U+2028, a lone carriage return or a form feed may be part of a text.
    """

    def __init__(self, source: str, separator: bytes = NEWLINE, limit: int = MAX_RECORD) -> None:
        self._source, self._separator, self._limit = source, separator, limit
        # Half of a DOS line end: invisible, and it would make another prompt of the same text.
        self._half_end = b"\r" if separator == NEWLINE else b""
        self._held = bytearray()
        self._number = 1
        self.refuses = False  # inside a line that is too long

    @property
    def beginning(self) -> bytes:
        """The first bytes of the line that is not complete yet."""
        first = bytes(self._held[:_BEGINNING])
        return strip_bom(first) if self._number == 1 else first

    def feed(self, piece: bytes) -> Iterator[RawRecord | Unreadable]:
        """The lines that `piece` completes; a line that grows too long is reported at once."""
        first, *others = piece.split(self._separator)
        yield from self._grow(first)
        if others:
            yield from self._end()
            last = others.pop()
            yield from self._complete(others)
            yield from self._grow(last)

    def close(self) -> Iterator[RawRecord | Unreadable]:
        """The last line, if there is content after the last separator."""
        if not self.refuses and (line := self._line()).content:
            yield line
        self._held.clear()

    def _grow(self, content: bytes) -> Iterator[Unreadable]:
        if self.refuses:
            return
        if len(self._held) + len(content) > self._limit:
            self._held.clear()
            self.refuses = True
            yield too_long(self._source, self._number, self._limit)
        else:
            self._held += content

    def _end(self) -> Iterator[RawRecord]:
        """The line that was held."""
        if not self.refuses:
            yield self._line(self._half_end)
        self._held.clear()
        self._number += 1
        self.refuses = False

    def _complete(self, contents: list[bytes]) -> Iterator[RawRecord | Unreadable]:
        """The lines that lie within one piece: nearly all, hence the shortest way for them."""
        source, limit, half_end = self._source, self._limit, self._half_end
        for number, content in enumerate(contents, self._number):
            if len(content) <= limit:
                yield RawRecord(source, number, content.removesuffix(half_end))
            else:
                yield too_long(source, number, limit)
        self._number += len(contents)

    def _line(self, end: bytes = b"") -> RawRecord:
        skipped = measure_bom(self._held) if self._number == 1 else 0
        return RawRecord(self._source, self._number, bytes(self._held[skipped:]).removesuffix(end), skipped)
