"""Parses an HTTP/1 response: bytes in, head and body out; no I/O, and the bytes may be cut anywhere.

Both HTTP stacks use this parser, so that `chat` and `batch` judge the same bytes the same way. The parsers of httpcore2
(h11) and aiohttp (llhttp) differ in 58 of 232 odd responses, and no option makes them agree (FACTS.md, "HTTP framing").
This parser follows the stricter one where no whole answer is lost by it:

- It refuses two Content-Length fields, even equal ones, and a length beside chunks.
- It refuses any Transfer-Encoding but `chunked`, and a chunk size that is no hexadecimal number.
- It refuses a first line that is not of HTTP/1, and characters that a header cannot have.
- It accepts heads whose lines end with LF alone, folded lines, and as many headers as fit into the limit.
- It accepts 1xx responses before the final one. Bytes after the end are dropped with the connection.

A body that is refused comes after its head, so that an error keeps its status, however broken its body is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, NetworkError
from mmpipe.text.visible import one_line

MAX_HEAD: Final = (
    100 * 1024
)  # bytes of all heads of a response, of the first line of a chunk, or of all trailers
_START: Final = b"HTTP/1."
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_STATUS = re.compile(r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: [^\x00\n-\r]*)?\r?")
# With the spaces around the value: a pattern that left them out would share them out in many ways, each tried.
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00\n-\r]*)\r?")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\n\r]*)?\r\n")
_SWITCHED = 101
_TLS_RECORDS = b"\x15\x16"  # the first byte of an alert, and of a handshake
_WITHOUT_BODY = frozenset((204, 304))

# The values of each header, by its name in lower case.
Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class RawHead:
    """Status and headers of a final response, in Latin-1, with folded lines joined."""

    status: int
    headers: Fields


class _Next(Enum):
    """The part of the response that comes next; a body without a length ends with its connection."""

    HEAD = auto()
    BODY = auto()
    BODY_TO_THE_END = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    NOTHING = auto()


# Looked up for each piece of a stream.
_TO_THE_END: Final = _Next.BODY_TO_THE_END
_CHUNK_SIZE: Final = _Next.CHUNK_SIZE


class ResponseParser:
    """One response; `peer` names the server in errors."""

    def __init__(self, peer: object) -> None:
        self._peer = peer
        self._next = _Next.HEAD
        self._begun = bytearray()  # the beginning of a head or a line that is not whole yet
        self._spent = 0  # bytes of heads, or of lines between the pieces of a body
        self._left = 0  # bytes of a body or a chunk that are to come
        self._reusable = False
        self.is_done = False  # the response has ended

    @property
    def is_reusable(self) -> bool:
        """True if the response has ended, and its connection may carry another."""
        return self.is_done and self._reusable

    def strip(self, received: bytes) -> bytes | None:
        """The content in bytes that are one piece of a body and no more, as most of a stream; None if `feed` is to take them."""
        if self._next is _TO_THE_END:
            return received
        if self._next is _CHUNK_SIZE and not self._begun and received.endswith(b"\r\n"):
            found = _CHUNK.match(received, 0, MAX_HEAD)
            if found is not None and found.end() + int(found[1], 16) + 2 == len(received) > found.end() + 2:
                return received[found.end() : -2]
        return None

    def feed(self, received: bytes) -> Iterator[RawHead | bytes]:
        """The head once, then pieces of the body. Raises BadResponse, after all that came before the fault."""
        place = 0
        while place < len(received):
            match self._next:
                case _Next.NOTHING:
                    # No request was sent that these bytes could answer.
                    self._reusable = False
                    return
                case _Next.BODY | _Next.CHUNK | _Next.BODY_TO_THE_END:
                    size = len(received) - place
                    if self._next is not _Next.BODY_TO_THE_END:
                        size = min(size, self._left)
                    yield received[place : place + size]
                    place += size
                    self._count(size)
                case _Next.HEAD:
                    head, place = self._take_head(received, place)
                    if head is not None:
                        yield head
                        self._begin_body(head)
                case _:
                    place = self._take_line(received, place)

    def end(self) -> None:
        """The connection has ended; raises an MmpipeError if the response has not."""
        match self._next:
            case _Next.HEAD:
                raise NetworkError(
                    f"{self._peer}: the service closed the connection without an answer", retryable=True
                )
            case _Next.BODY_TO_THE_END | _Next.NOTHING:
                self._expect(_Next.NOTHING)
            case _:
                raise BadResponse(
                    "the answer is truncated: the connection ended inside the body", retryable=True
                )

    def _take_head(self, received: bytes, place: int) -> tuple[RawHead | None, int]:
        """Take a head if it ends in these bytes; None for a 1xx response, which another follows."""
        text: bytes | bytearray = received
        start = searched = place
        if self._begun:
            searched = max(len(self._begun) - 2, 0)
            self._begun += received[place:]
            text, start = self._begun, 0
        if not _START.startswith(text[start : start + len(_START)]):
            hint = "it may speak https:// there" if text[start] in _TLS_RECORDS else ""
            raise _not_http(f"it begins with {_shown(text[start:])}", hint)
        found = _END_OF_HEAD.search(text, searched)
        end = found.end() if found else len(text)
        if self._spent + end - start > MAX_HEAD:
            raise _not_http(f"its head is longer than {MAX_HEAD} bytes")
        if found is None:
            self._begun = bytearray(text[start:]) if text is received else self._begun
            return None, len(received)
        self._spent += end - start
        self._begun = bytearray()
        head = self._parse_head(text[start : found.start()].decode("latin-1"))
        return head, len(received) - (len(text) - end)

    def _parse_head(self, text: str) -> RawHead | None:
        lines = text.split("\n")
        found = _STATUS.fullmatch(lines[0])
        if found is None or int(found[2]) == _SWITCHED:
            raise _not_http(f"its status line is {_shown(lines[0])}")
        del lines[0]
        folded = "\n " in text or "\n\t" in text
        headers = _parse_fields(_unfold(lines) if folded else lines)
        status = int(found[2])
        if status < 200:  # noqa: PLR2004  informational
            return None
        options = ",".join(headers.get("connection", ())).lower().replace(" ", "").split(",")
        self._reusable = "close" not in options and (found[1] != "0" or "keep-alive" in options)
        return RawHead(status, headers)

    def _take_line(self, received: bytes, place: int) -> int:
        """Take a line between the pieces of a chunked body, or the part of it that came; returns the place after it."""
        end = received.find(b"\n", place) + 1 or len(received)
        self._spent += end - place
        if self._spent > MAX_HEAD:
            raise _not_http(f"a line between its chunks is longer than {MAX_HEAD} bytes")
        self._begun += received[place:end]
        if not self._begun.endswith(b"\n"):
            return end
        line = bytes(self._begun)
        self._begun = bytearray()
        match self._next:
            case _Next.CHUNK_SIZE:
                self._take_chunk_size(line)
            case _Next.CHUNK_END if line != b"\r\n":
                raise _not_http("a chunk is longer than its size")
            case _Next.CHUNK_END:
                self._expect(_Next.CHUNK_SIZE)
            case _ if line in (b"\r\n", b"\n"):
                # The trailers before it are not used.
                self._expect(_Next.NOTHING)
        return end

    def _begin_body(self, head: RawHead) -> None:
        """Decide how long the body is (RFC 9112, section 6.3); raises BadResponse where two parsers might differ."""
        lengths, codings = (head.headers.get(name, ()) for name in ("content-length", "transfer-encoding"))
        if head.status in _WITHOUT_BODY:
            self._expect(_Next.NOTHING)
        elif codings:
            if lengths:
                raise _not_http("it has both Content-Length and Transfer-Encoding")
            if [coding.lower() for coding in codings] != ["chunked"]:
                raise _not_http(f"its Transfer-Encoding is {_shown(', '.join(codings))}")
            self._expect(_Next.CHUNK_SIZE)
        elif lengths:
            if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
                raise _not_http(f"its Content-Length is {_shown(', '.join(lengths))}")
            self._left = int(lengths[0])
            self._expect(_Next.BODY if self._left else _Next.NOTHING)
        else:
            self._reusable = False
            self._expect(_Next.BODY_TO_THE_END)

    def _take_chunk_size(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise _not_http(f"the size of a chunk is {_shown(line)}")
        self._left = int(found[1], 16)
        self._expect(_Next.CHUNK if self._left else _Next.TRAILERS)

    def _count(self, size: int) -> None:
        if self._next is not _Next.BODY_TO_THE_END:
            self._left -= size
            if not self._left:
                self._expect(_Next.CHUNK_END if self._next is _Next.CHUNK else _Next.NOTHING)

    def _expect(self, part: _Next) -> None:
        self._next, self.is_done = part, part is _Next.NOTHING
        self._spent = 0


def _unfold(lines: Sequence[str]) -> Iterator[str]:
    """Join folded lines with a space (RFC 9112, section 5.2)."""
    joined: list[str] = []
    for ended in lines:
        line = ended.removesuffix("\r")
        if joined and not line.startswith((" ", "\t")):
            yield " ".join(joined)
            joined = []
        joined.append(line.strip(" \t") if joined else line)
    if joined:
        yield " ".join(joined)


def _parse_fields(lines: Iterable[str]) -> Fields:
    fields: dict[str, list[str]] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise _not_http(f"a header is {_shown(line)}")
        name, value = found.groups()
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    return fields


def _not_http(problem: str, hint: str = "") -> BadResponse:
    return BadResponse(f"the response of the service is not HTTP: {problem}", hint=hint)


def _shown(received: bytes | bytearray | str) -> str:
    text = received if isinstance(received, str) else received[:200].decode("latin-1")
    return repr(one_line(text[:200].rstrip("\r\n") or text[:1], 60))
