"""Reads the header of a table: the names of its columns, and with them its delimiter and its line end; pure."""

import re
from typing import Final

from msgspec import Struct

from mmpipe.batch.records.formats.quotes import OPEN, ROW_START, QuoteScanner
from mmpipe.batch.records.formats.record_format import RawRecord
from mmpipe.errors import InputError
from mmpipe.text.utf8 import measure_bom

# Spreadsheets write it before the header, and read it.
SEPARATOR_LINE: Final = re.compile(rb'"?sep=([^"\w\s]|\t)"?', re.IGNORECASE)
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_QUOTED: Final = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')


class Header(Struct, frozen=True, gc=False):
    """The header of a table: its row, and `rest`, which was read after it and begins in line `next_line`."""

    row: RawRecord
    delimiter: bytes
    line_end: bytes
    rest: bytes
    next_line: int


class HeaderReader:
    """Finds the first row that is not blank, in linear time and bounded memory.

    The first line end outside quotes is that of the whole table: CR alone, or LF, before which a CR may stand.
    """

    def __init__(self, source: str, delimiters: bytes, limit: int) -> None:
        self._source, self._delimiters, self._limit = source, delimiters, limit
        self._quotes = QuoteScanner(delimiters)
        self._held = bytearray()
        self._start = 0  # of the row
        self._scanned = 0
        self._searched = 0  # for line ends

    def feed(self, piece: bytes) -> Header | None:
        """The header, if `piece` completes it; raises InputError if it grows too long."""
        self._held += piece
        for end in _LINE_END.finditer(self._held, self._searched):
            if end[0] == b"\r" and end.end() == len(self._held):
                # Perhaps half of a line end.
                self._searched = end.start()
                break
            if self._is_row(end.start()):
                line_end = b"\r" if end[0] == b"\r" else b"\n"
                if (header := self._header(end.start(), end.end(), line_end)) is not None:
                    return header
                self._start = self._scanned = end.end()
                self._quotes.state = ROW_START
        else:
            self._searched = len(self._held)
        self._check_length(self._searched)
        return None

    def close(self) -> Header | None:
        """The header of a table without a row; None without a header. Raises InputError for a quote without a partner."""
        end = len(self._held.removesuffix(b"\r"))
        if not self._is_row(end):
            raise InputError(f"{self._source}: a quote in the header is never closed")
        return self._header(end, len(self._held), b"\n")

    def _is_row(self, end: int) -> bool:
        """Return True if the line that ends there does not end inside quotes."""
        begin = self._scanned or measure_bom(self._held)
        self._quotes.follow(self._held[begin:end])
        self._scanned = end
        return self._quotes.state != OPEN

    def _header(self, end: int, next_row: int, line_end: bytes) -> Header | None:
        """The header in the row that ends there; None if the row is blank, or names the delimiter."""
        skipped = measure_bom(self._held) if self._start == 0 else 0
        self._check_length(end)
        row = bytes(self._held[self._start + skipped : end])
        if not row.strip(b" \t" + self._delimiters):
            return None
        if (named := SEPARATOR_LINE.fullmatch(row)) is not None:
            self._delimiters = named[1]
            self._quotes = QuoteScanner(named[1])
            return None
        number = 1 + self._held.count(line_end, 0, self._start)
        next_line = 1 + self._held.count(line_end, 0, next_row)
        raw = RawRecord(self._source, number, row, skipped)
        return Header(raw, self._delimiter(row), line_end, bytes(self._held[next_row:]), next_line)

    def _delimiter(self, row: bytes) -> bytes:
        """The first of the delimiters that stands outside quotes, or else the first of all."""
        bare = _QUOTED.sub(b"", row)
        found = (byte for byte in self._delimiters if byte in bare)
        return bytes([next(found, self._delimiters[0])])

    def _check_length(self, end: int) -> None:
        if end > self._limit:
            raise InputError(f"{self._source}: the header is longer than {self._limit} bytes")
