"""Reads server-sent events from bytes that are cut anywhere; their content is opaque here."""

from collections.abc import Iterator
from itertools import chain

from mmpipe.errors import BadResponse
from mmpipe.text.utf8 import strip_bom

_PEEKED = 4096  # bytes


class EventReader:
    """Bytes in, the data of each event out, by the rules of the WHATWG standard (9.2.6).

    Lines end in LF, CR or CRLF. The `data` lines of an event are joined by LF. Comments and the fields
    `event`, `id` and `retry` are ignored. An event longer than `limit` bytes raises BadResponse, so that a line
    without an end cannot fill the memory. At the end of the input, feed two line ends: they complete an event
    whose blank line is missing, or a cut event.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # pieces of a line whose end has not come
        self._line_size = 0
        self._data: list[bytes] = []  # data lines of an event whose blank line has not come
        self._data_size = 0
        self._at_start = True
        self._after_cr = False

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Take the next bytes; yield the data of each event that they complete."""
        if self._after_cr and received:
            # The LF of a CRLF that was cut in two does not end a second line.
            self._after_cr = False
            received = received.removeprefix(b"\n")
        if b"\n" not in received and b"\r" not in received:
            self._hold(received)
            return
        if self._line:
            received = b"".join((*self._line, received))
            self._line, self._line_size = [], 0
        self._after_cr = received.endswith(b"\r")
        # bytes.splitlines knows exactly the three line ends of the standard.
        lines = received.splitlines()
        rest = b"" if received.endswith((b"\n", b"\r")) else lines.pop()
        yield from self._events(lines)
        self._hold(rest)

    def peek(self) -> bytes:
        """The first bytes of an event that has begun to come, a few thousand of them at most."""
        found = b""
        for piece in chain(self._data, self._line):
            if len(found) >= _PEEKED:
                break
            found += piece[:_PEEKED]
        return found

    def _events(self, lines: list[bytes]) -> Iterator[bytes]:
        if self._at_start and lines:
            # Only the first line of a stream may begin with a byte order mark.
            self._at_start = False
            lines[0] = strip_bom(lines[0])
        for line in lines:
            if not line:
                if self._data:
                    yield self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    self._data, self._data_size = [], 0
                continue
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
                self._data_size += len(value)
                self._check()

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._line.append(piece)
            self._line_size += len(piece)
            self._check()

    def _check(self) -> None:
        if self._line_size + self._data_size > self._limit:
            raise BadResponse(f"an event of the stream is longer than {self._limit} bytes")
