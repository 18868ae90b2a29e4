"""One JSON array, read as a stream: each element is a record, wherever its lines end."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mmpipe.batch.records.formats.jsonl import JsonLines
from mmpipe.batch.records.formats.record_format import MAX_RECORD, RawRecord, Unreadable, too_long
from mmpipe.errors import InputError
from mmpipe.text.utf8 import BOM, strip_bom

# The beginning of an array of records; no prompt begins like that.
_BEGINNING: Final = re.compile(rb'\[\s*["{\]]')
_OPENERS: Final = (b"[", b"{")
_BLANK: Final = b" \t\r\n"
_BEFORE: Final = -1  # the array

# Past all complete strings, to the next byte that counts: between elements also a comma does.
_TO_COMMA: Final = re.compile(rb'[^"\[\]{},]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{},]*+)*+', re.DOTALL)
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_TO_QUOTE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


# A string, or an object without others inside, and the comma after it.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_WHOLE: Final = re.compile(
    rb'([ \t\r\n]*+)(%b|\{[^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+\})[ \t\r\n]*+,' % (_STRING, _STRING), re.DOTALL
)


class JsonArray(JsonLines):
    """Each element of an array is a JSON value."""

    endings = (".json",)
    ends_with_separator = False

    @classmethod
    def begins(cls, first: bytes, *, is_whole: bool) -> bool:
        """Return True if the first line begins an array of records, or is no more than a bracket."""
        beginning = first.strip()
        return _BEGINNING.match(beginning) is not None or (is_whole and beginning in _OPENERS)

    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """The elements; raises InputError if the source is no array. What follows the array ends the reading."""
        splitter = ArraySplitter(self.source, self.options.limit)
        for piece in pieces:
            if piece is None:
                yield None
            else:
                yield from splitter.feed(piece) if piece else splitter.close()
                if splitter.is_over:
                    return


class ArraySplitter:
    """Cuts an array into its elements, in linear time and bounded memory; both methods must be iterated to their end.

    It knows strings, brackets and commas; everything else is left to the reader of an element.
    """

    def __init__(self, source: str, limit: int = MAX_RECORD) -> None:
        self._source, self._limit = source, limit
        self._held = bytearray()  # of an element, or of what comes before the array
        self._line = 1  # that is read
        self._first = 1  # in which the element begins
        self._depth = _BEFORE  # of brackets: 0 after the array, 1 between its elements
        self._in_string = self._is_escaped = False
        self._refuses = False  # inside an element that is too long
        self._needs_element = False  # after a comma
        self.is_over = False

    def feed(self, piece: bytes) -> Iterator[RawRecord | Unreadable]:
        """The elements that `piece` completes; one that grows too long is reported at once. Raises InputError."""
        at = self._open(piece) if self._depth == _BEFORE else 0
        while at < len(piece) and self._depth > 0:
            # Nearly all elements of many arrays are whole, hence the shortest way for them.
            if (taken := self._take(piece, at)) is not None:
                raw, at = taken
                yield raw
                continue
            start = at
            at = self._scan(piece, at)
            yield from self._grow(piece[start:at])
            if at < len(piece):
                yield from self._end(piece[at])
                at += 1
        if self._depth == 0 and not self.is_over:
            more = piece[at:].lstrip(_BLANK)
            self._line += piece.count(b"\n", at, len(piece) - len(more))
            if more:
                self.is_over = True
                yield Unreadable(
                    self._source, self._line, "more follows the end of the array; it is not read"
                )

    def close(self) -> Iterator[Unreadable]:
        """The error of an array without an end."""
        if self._depth > 0:
            yield Unreadable(self._source, self._line, "the array is cut off: it has no end")

    def _take(self, piece: bytes, at: int) -> tuple[RawRecord, int] | None:
        """The element that lies within the piece, and the place after its comma; None for any other."""
        if self._held or self._refuses or self._depth != 1 or self._in_string:
            return None
        whole = _WHOLE.match(piece, at)
        if whole is None or whole.end() - whole.end(1) > self._limit:
            return None
        number = self._line + whole[1].count(b"\n")
        self._line += whole[0].count(b"\n")
        self._needs_element = True
        return RawRecord(self._source, number, whole[2]), whole.end()

    def _open(self, piece: bytes) -> int:
        """The place after the bracket that opens the array, or the end of the piece."""
        before = len(self._held)
        self._held += piece
        content = strip_bom(bytes(self._held))
        beginning = content.lstrip(_BLANK)
        if not beginning or BOM.startswith(beginning):
            # All that was blank is one byte from now on.
            self._line += piece.count(b"\n")
            if not beginning:
                self._held[:] = b" "
            return len(piece)
        if not beginning.startswith(b"["):
            raise _not_an_array(self._source, is_object=beginning.startswith(b"{"))
        at = len(self._held) - len(beginning) + 1 - before
        self._line += piece.count(b"\n", 0, at)
        self._depth = 1
        self._held.clear()
        return at

    def _scan(self, piece: bytes, at: int) -> int:
        """The place of the byte that ends the element, or the end of the piece."""
        while at < len(piece):
            if self._is_escaped:
                self._is_escaped = False
            elif self._in_string:
                at = _end(_TO_QUOTE, piece, at)
                self._is_escaped = piece[at : at + 1] == b"\\"
                self._in_string = piece[at : at + 1] != b'"'
            else:
                at = _end(_TO_COMMA if self._depth == 1 else _TO_BRACKET, piece, at)
                match piece[at : at + 1]:
                    case b'"':
                        self._in_string = True
                    case b"[" | b"{":
                        self._depth += 1
                    case b"]" | b"}" if self._depth > 1:
                        self._depth -= 1
                    case _:
                        break
            at += 1
        return min(at, len(piece))

    def _grow(self, content: bytes) -> Iterator[Unreadable]:
        if not self._held and not self._refuses:
            self._first = self._line
            stripped = content.lstrip(_BLANK)
            self._first += content.count(b"\n", 0, len(content) - len(stripped))
            self._held += stripped
        elif not self._refuses:
            self._held += content
        self._line += content.count(b"\n")
        if len(self._held) > self._limit:
            self._held.clear()
            self._refuses = True
            yield too_long(self._source, self._first, self._limit)

    def _end(self, byte: int) -> Iterator[RawRecord | Unreadable]:
        """The element that was held; `byte` is a comma, or a bracket that ends the array."""
        content = bytes(self._held).rstrip(_BLANK)
        is_comma = byte == ord(",")
        if content:
            yield RawRecord(self._source, self._first, content)
        elif not self._refuses and (is_comma or self._needs_element):
            yield Unreadable(self._source, self._line, "an element of the array is missing beside a comma")
        if byte == ord("}"):
            yield Unreadable(self._source, self._line, "a } has no partner")
        self._held.clear()
        self._refuses, self._needs_element = False, is_comma
        if byte == ord("]"):
            self._depth = 0


def _end(pattern: re.Pattern[bytes], piece: bytes, at: int) -> int:
    found = pattern.match(piece, at)
    assert found is not None  # noqa: S101  each pattern matches nothing, too
    return found.end()


def _not_an_array(source: str, *, is_object: bool) -> InputError:
    if is_object:
        return InputError(
            f"{source} is no JSON array, but begins with an object: `jq -c . FILE` makes a line of each object "
            "(--input-format jsonl), `jq -c '.data[]' FILE` one of each element of an array in it"
        )
    return InputError(f"{source} is no JSON array", hint="--input-format names another format")
