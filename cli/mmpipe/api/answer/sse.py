"""Reads server-sent events, and JSON that stands there without their framing, from bytes that are cut anywhere."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.utf8 import BOM, strip_bom

# The name of an event, empty for most of them, and its data.
NamedData = tuple[bytes, bytes]

_FIELDS: Final = frozenset((b"", b"data", b"event", b"id", b"retry", b"error"))
_LONGEST_FIELD: Final = 6  # bytes of a name with its colon
_PEEKED: Final = 4096  # bytes
_REST: Final = 2000  # bytes
_MOST_PEEKED: Final = 1000  # lines, some of which are empty
_MAX_CHECKS: Final = 8  # so that the work is linear
_CLOSING: Final = {b"{": b"}", b"[": b"]"}


class EventReader:
    """Bytes in, the name and the data of each event out, by the rules of the WHATWG standard (9.2.6).

    Lines end in LF, CR or CRLF. The `data` lines of an event are joined by LF. Comments and the fields `id` and
    `retry` are ignored. An event longer than `limit` bytes raises BadResponse, so that a line without an end cannot
    fill the memory.

    Servers of these models send more (FACTS.md, "Framing"):

    * Events without a blank line between them. A line that ends a JSON value is never continued by a line that
      begins one, so each of the two is an event. So are the lines before and after a field `event`.
    * A field `error`. It is an event with that name.
    * JSON without `data:`, in one line or in many; the caller limits its size.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = bytearray()  # a line whose end has not come
        self._opening = b""  # the first byte of that line that is no space
        self._name = self._next_name = b""
        self._data: list[bytes] = []  # data lines of an event whose blank line has not come
        self._data_size = 0
        self._json = bytearray()  # lines of JSON that has no `data:`, and may go on
        self._json_end = b""  # the character that ends this JSON
        self._json_ended = False
        self._json_checks = 0  # at empty lines within it
        self._ends_with_line = False  # True once an event ended without a blank line
        self.rest = (
            b""  # the first lines since the last event that are no part of a stream, such as a text or a page
        )
        self._at_start = True
        self._after_cr = False

    @property
    def holds_json(self) -> bool:
        """True within JSON that has no `data:`."""
        return bool(self._json) or self._opening in _CLOSING

    @property
    def is_between_events(self) -> bool:
        """True if the next byte begins an event, and a blank line will end it."""
        held = self._line or self._data or self._json or self.rest
        return not (held or self._name or self._next_name or self._after_cr or self._ends_with_line)

    def feed(self, received: bytes) -> Iterator[NamedData]:
        """Take the next bytes; yield the events that they complete."""
        if self._after_cr and received:
            # The LF of a CRLF that was cut in two does not end a second line.
            self._after_cr = False
            received = received.removeprefix(b"\n")
        if b"\n" not in received and b"\r" not in received:
            self._hold(received)
            return
        if self._line:
            received = b"".join((self._line, received))
            self._line, self._opening = bytearray(), b""
        self._after_cr = received.endswith(b"\r")
        # bytes.splitlines knows exactly the three line ends of the standard.
        lines = received.splitlines()
        rest = b"" if received.endswith((b"\n", b"\r")) else lines.pop()
        yield from self._events(lines)
        self._hold(rest)

    def close(self) -> Iterator[NamedData]:
        """The last event: its blank line may be missing, or the event is cut."""
        line = bytes(self._line)
        self._line, self._opening = bytearray(), b""
        if _begins_value(line) and not (self._data or self._json):
            # A whole answer is one line of JSON without an end.
            yield b"", line
            return
        yield from self._events([line, b""])
        if self._json:
            yield self._take_json()

    def peek(self) -> bytes:
        """The first bytes of an event that has begun to come, a few thousand of them at most."""
        found = bytes(self._json[:_PEEKED])
        for line in islice(self._data, _MOST_PEEKED):
            if len(found) >= _PEEKED:
                break
            found += line[:_PEEKED]
        return (found + self._line[:_PEEKED])[:_PEEKED]

    def _events(self, lines: list[bytes]) -> Iterator[NamedData]:
        if self._at_start and lines:
            # Only the first line of a stream may begin with a byte order mark.
            self._at_start = False
            lines[0] = strip_bom(lines[0])
        for line in lines:
            if line.startswith(b"data:"):
                value = line[6:] if line.startswith(b"data: ") else line[5:]
                if self._data or self._json or self._ends_with_line:
                    yield from self._take_data(value)
                else:
                    self._add(value)
            elif line:
                yield from self._take_line(line)
            elif self._data:
                yield self._take()
            else:
                self._name = b""
                if self._json_ended and not self._is_json_cut():
                    yield self._take_json()

    def _take_data(self, value: bytes) -> Iterator[NamedData]:
        if self._json:
            yield self._take_json()
        if self._data and (self._next_name or (_ends_value(self._data[-1]) and _begins_value(value))):
            self._ends_with_line = True
            yield self._take(is_next_begun=True)
        self._add(value)
        if self._ends_with_line and _ends_value(value):
            yield self._take()

    def _add(self, value: bytes) -> None:
        self._data.append(value)
        # Empty lines cannot fill the memory either.
        self._data_size += len(value) or 1
        self._check()

    def _take_line(self, line: bytes) -> Iterator[NamedData]:
        """Take a line that is neither empty nor, as most lines are, a field `data:` with a value."""
        field = line[:_LONGEST_FIELD].partition(b":")[0]
        if field not in _FIELDS:
            if self._json or _begins_value(line):
                yield from self._take_json_line(line)
            elif len(self.rest) < _REST:
                self.rest += line[:_REST] + b"\n"
            return
        if self._json_ended:
            yield self._take_json()
        value = line[len(field) + 1 :].removeprefix(b" ")
        if field == b"data":
            yield from self._take_data(b"")
        elif field == b"event" and self._data:
            self._next_name = value
        elif field == b"event":
            self._name = value
        elif line.startswith(b"error:"):
            if self._data:
                yield self._take()
            yield b"error", value

    def _take_json_line(self, line: bytes) -> Iterator[NamedData]:
        if self._data:
            if not _ends_value(self._data[-1]):
                return
            yield self._take()
        if self._json_ended and _begins_value(line):
            yield self._take_json()
        is_first = not self._json
        if is_first:
            self._json_end = _CLOSING[line.lstrip()[:1]]
        self._json += line if is_first else b"\n" + line
        self._json_ended = line.rstrip().endswith(self._json_end)
        if is_first and self._json_ended and (self._ends_with_line or _is_value(line)):
            self._ends_with_line = True
            yield self._take_json()

    def _take(self, *, is_next_begun: bool = False) -> NamedData:
        """The event whose data lines came. The last name counts, unless it stands after them for the next event."""
        name = self._name if is_next_begun else self._next_name or self._name
        self._name, self._next_name = self._next_name if is_next_begun else b"", b""
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data, self._data_size, self.rest = [], 0, b""
        return name, data

    def _take_json(self) -> NamedData:
        data = bytes(self._json)
        self._json, self._json_ended, self._json_checks = bytearray(), False, 0
        return b"", data

    def _is_json_cut(self) -> bool:
        """True if the JSON goes on after the empty line that has come; after many such lines it is not parsed again."""
        self._json_checks += 1
        if self._json_checks > _MAX_CHECKS:
            return True
        if strict_json.has_too_many_values(self._json):
            return False
        try:
            return strict_json.is_beginning(self._json.decode())
        except UnicodeDecodeError:
            return False

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._line += piece
            self._opening = self._opening or piece.lstrip(BOM + b" \t")[:1]
            if not self.holds_json:
                self._check()

    def _check(self) -> None:
        if len(self._line) + self._data_size > self._limit:
            raise BadResponse(f"an event of the stream is longer than {self._limit} bytes")


def _begins_value(line: bytes) -> bool:
    return line.lstrip()[:1] in _CLOSING


def _ends_value(line: bytes) -> bool:
    return line.rstrip()[-1:] in (b"}", b"]")


def _is_value(line: bytes) -> bool:
    """True for JSON, and for so much that is like JSON that it must not be parsed."""
    try:
        if strict_json.has_too_many_values(line):
            return True
        strict_json.loads(line.decode())
    except ValueError:
        return False
    return True
