"""Follows the quotes of a table's rows, however their bytes are cut; pure."""

import re
from typing import Final

# The states: each is the shortest beginning of a row that leads to it.
ROW_START: Final = b""
OPEN: Final = b'"'
_PERHAPS_CLOSED: Final = b'""'  # the next byte tells
_BARE: Final = b"x"  # not inside quotes, and not where a field begins
# By the last group that matched.
_STATES: Final = {None: ROW_START, 1: OPEN, 2: _PERHAPS_CLOSED, 3: _BARE, 4: _BARE}

_QUOTED: Final = rb'"[^"]*+(?:""[^"]*+)*+'  # without the quote that closes it


class QuoteScanner:
    """Tells if a row is inside a quoted field, where a line end is content; `state` is to be set at each new row."""

    def __init__(self, delimiters: bytes) -> None:
        self.state = ROW_START
        self._delimiter = delimiters[:1]
        self._pattern = _row_pattern(re.escape(delimiters))

    def follow(self, content: bytes | bytearray) -> bool:
        """Read on in the same row; return True if its last quote opens here."""
        before = len(self._delimiter + self.state)
        found = self._pattern.match(self._delimiter + self.state + content)
        assert found is not None  # noqa: S101  the pattern matches any row
        self.state = _STATES[found.lastindex]
        return found.start(1) >= before


def compile_row(delimiter: bytes, line_end: bytes) -> re.Pattern[bytes]:
    """A pattern of a whole row with its line end; its first group is the row."""
    field = _field(re.escape(delimiter + line_end))
    return re.compile(rb"(%b(?:%b%b)*+)%b" % (field, re.escape(delimiter), field, line_end))


def _row_pattern(ends: bytes) -> re.Pattern[bytes]:
    """The fields of a row, each after a delimiter; groups of the last: open, perhaps closed, text after it, or no quote."""
    last = rb'(?:(%b)(?:(")([^%b]++)?)?|(%b))?' % (_QUOTED, ends, _bare(ends))
    return re.compile(rb"(?:[%b]%b(?=[%b]))*+[%b]%b" % (ends, _field(ends), ends, ends, last))


def _field(ends: bytes) -> bytes:
    return rb'(?:%b"[^%b]*+|%b)?+' % (_QUOTED, ends, _bare(ends))


def _bare(ends: bytes) -> bytes:
    return rb'[^"%b][^%b]*+' % (ends, ends)
