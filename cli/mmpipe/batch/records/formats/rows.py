"""Cuts a table into rows, and a row into cells; pure.

Not with the `csv` of Python: it takes lines from an iterator, and a live pipe may have none yet; its limit is one of the
process, for a field and not for a row; and it cannot say where a quote opened that is never closed.
"""

import re
from collections.abc import Iterator
from functools import cache

from mmpipe.batch.records.formats.header import Header
from mmpipe.batch.records.formats.quotes import OPEN, ROW_START, QuoteScanner, compile_row
from mmpipe.batch.records.formats.record_format import MAX_RECORD, RawRecord, Unreadable, too_long
from mmpipe.errors import InputError


class RowSplitter:
    """Cuts bytes into rows, in linear time and bounded memory; both methods must be iterated to their end.

    Rows without a character in any cell are skipped, as blank lines are: spreadsheets write such rows at the end.
    """

    def __init__(self, source: str, header: Header, limit: int = MAX_RECORD) -> None:
        self._source, self._limit, self._line_end = source, limit, header.line_end
        self._quotes = QuoteScanner(header.delimiter)
        self._match_row = compile_row(header.delimiter, header.line_end).match
        self._blank = b" \t\r\n" + header.delimiter
        self._half_end = b"\r" if header.line_end == b"\n" else b""
        self._held = bytearray()  # of the row
        self._scanned = 0  # bytes of them
        self._line = self._first = header.next_line  # that is read, and in which the row begins
        self._quote_line = 0  # in which the last quote opened
        self._refuses = False  # inside a row that is too long

    def feed(self, piece: bytes) -> Iterator[RawRecord | Unreadable]:
        """The rows that `piece` completes; one that grows too long is reported at once."""
        at = 0
        while True:
            if not self._held and not self._refuses:
                # Nearly all rows lie within one piece, hence the shortest way for them.
                while (whole := self._match_row(piece, at)) is not None and len(
                    row := whole[1]
                ) <= self._limit:
                    if row.strip(self._blank):
                        yield RawRecord(self._source, self._line, row.removesuffix(self._half_end))
                    self._line += 1 + row.count(self._line_end)
                    at = whole.end()
                self._first = self._line
            end = piece.find(self._line_end, at)
            if (error := self._grow(piece[at:] if end < 0 else piece[at:end])) is not None:
                yield error
            if end < 0:
                return
            yield from self._end_line()
            at = end + 1

    def close(self) -> Iterator[RawRecord | Unreadable]:
        """The last row, if it has no line end; the error of a quote that is never closed."""
        if not self._refuses:
            self._scan(self._held[self._scanned :])
            if self._quotes.state == OPEN:
                yield Unreadable(self._source, self._first, f"{self._describe_quote()} is never closed")
            elif self._held.strip(self._blank):
                yield self._row()
        self._held.clear()

    def _grow(self, content: bytes) -> Unreadable | None:
        """Hold more of the row; return the error of one that is too long."""
        if self._refuses:
            self._scan(content)
            return None
        self._held += content
        if len(self._held) <= self._limit:
            return None
        # The state at the limit, wherever the bytes were cut.
        self._scan(self._held[self._scanned : self._limit])
        error = self._too_long()
        self._scan(self._held[self._limit :])
        self._held.clear()
        self._refuses = True
        return error

    def _end_line(self) -> Iterator[RawRecord | Unreadable]:
        """The row that was held, unless the line ends inside quotes."""
        if not self._refuses:
            self._scan(self._held[self._scanned :])
            self._scanned = len(self._held)
        self._line += 1
        if self._quotes.state == OPEN:
            if (error := self._grow(self._line_end)) is not None:
                yield error
            self._scanned = len(self._held)
            return
        if not self._refuses and self._held.strip(self._blank):
            yield self._row()
        self._held.clear()
        self._scanned, self._refuses, self._first = 0, False, self._line
        self._quotes.state = ROW_START

    def _scan(self, content: bytes | bytearray) -> None:
        if self._quotes.follow(content):
            self._quote_line = self._line

    def _row(self) -> RawRecord:
        return RawRecord(self._source, self._first, bytes(self._held).removesuffix(self._half_end))

    def _too_long(self) -> Unreadable:
        if self._quotes.state != OPEN:
            return too_long(self._source, self._first, self._limit)
        return Unreadable(
            self._source,
            self._first,
            f"it is longer than {self._limit} bytes: perhaps {self._describe_quote()} is never closed",
        )

    def _describe_quote(self) -> str:
        return f"the quote that opens a field in line {self._quote_line}"


def split_cells(row: str, delimiter: str) -> list[str]:
    """The cells of a row; raises InputError for text between a closing quote and the next delimiter."""
    if '"' not in row:
        return row.split(delimiter)
    # Each cell with the delimiter before it, so that every match has a character.
    cells: list[str] = []
    for quoted, after, bare in _cell_pattern(delimiter).findall(delimiter + row):
        if after:
            raise InputError(
                f"column {len(cells) + 1} has text after its closing quote",
                hint="inside quotes a quote is written twice",
            )
        cells.append(quoted.replace('""', '"') if quoted else bare)
    return cells


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    end = re.escape(delimiter)
    return re.compile(f'{end}(?:"([^"]*+(?:""[^"]*+)*+)"([^{end}]*+)|([^{end}]*+))')
