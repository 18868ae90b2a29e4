"""Bytes as they come from a socket: HTTP, compression, and the framing of events."""

import gzip
import json
import zlib
from collections.abc import Iterable

from growth.answers import read
from growth.case import Case, cut, exhaust
from mmpipe.api.answer.content_coding import ContentDecoder
from mmpipe.api.answer.sse import EventReader
from mmpipe.api.http.http_parser import ResponseParser
from mmpipe.text.utf8 import BOM

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b'{"choices":[{"delta":{"content":"x"}}]}'


def _events(stream: bytes, length: int = 4096) -> None:
    reader = EventReader(16 * 2**20)
    for piece in cut(stream, length):
        exhaust(reader.feed(piece))
        _ = reader.holds_json, reader.peek()
    exhaust(reader.close())


def _parsed(stream: bytes, length: int = 4096) -> None:
    parser = ResponseParser("server")
    for piece in cut(stream, length):
        exhaust(parser.feed(piece))
    parser.end()


def _unfolded(pieces: Iterable[bytes], *codings: str) -> None:
    decoder = ContentDecoder(codings)
    for piece in pieces:
        exhaust(decoder.feed(piece))
    exhaust(decoder.close())


def _repeated(name: str, unit: bytes, before: bytes = b"", after: bytes = b"") -> Case[bytes]:
    """The same bytes again and again, as events and as an answer."""
    return Case(name, lambda size: before + unit * (size // len(unit)) + after, _both)


def _both(stream: bytes) -> None:
    _events(stream)
    read(stream)


_SSE = (
    _repeated("events", b"data: " + _CHUNK + b"\n\n"),
    _repeated("events of CRLF", b"data: " + _CHUNK + b"\r\n\r\n"),
    _repeated("events of CR", b"data: " + _CHUNK + b"\r\r"),
    _repeated("events without a blank line", b"data: " + _CHUNK + b"\n"),
    _repeated("events with a name", b"event: ping\ndata: " + _CHUNK + b"\n\n"),
    _repeated("names without data", b"event: ping\n"),
    _repeated("comments", b": OPENROUTER PROCESSING\n\n"),
    _repeated("blank lines", b"\n"),
    _repeated("lines of CR", b"\r"),
    _repeated("data lines of one event", b"data: {\n"),
    _repeated("empty data lines", b"data:\n"),
    _repeated("fields without a meaning", b"id: 1\nretry: 5\nfoo: bar\n"),
    _repeated("a line without an end", b"x", b"data: "),
    _repeated("JSON in lines", _CHUNK + b"\n"),
    _repeated("JSON over many lines", b'"a",\n', b'{"a":[\n', b'"b"]}\n'),
    _repeated("JSON with empty lines", b'"a",\n\n', b'{"a":[\n', b'"b"]}\n'),
    _repeated("JSON that seems to end", b"[],\n\n", b'{"a":[\n', b"[]]}\n"),
    _repeated("JSON with ends of objects", b'{"a":1}\n,\n', b'{"a":[\n', b"{}]}\n"),
    _repeated("chunks without line ends", _CHUNK, b"data: "),
    _repeated("chunks of an array", _CHUNK + b",", b"[", _CHUNK + b"]"),
    _repeated("byte order marks", BOM),
    _repeated("done marks", b"data: [DONE]\n\n", b"data: " + _CHUNK + b"\n\n"),
    _repeated("spaces", b" "),
    _repeated("opening brackets", b"["),
    _repeated("errors in events", b'data: {"error":{"message":""}}\n\n'),
    Case("events byte by byte", lambda size: (b"data: " + _CHUNK + b"\n\n") * (size // 400), lambda made: _events(made, 1)),
    Case("a line byte by byte", lambda size: b"data: " + b"x" * (size // 10), lambda made: _events(made, 1)),
    Case("an answer of one line in pieces", lambda size: json.dumps(
        {"choices": [{"message": {"content": "x" * size}, "finish_reason": "stop"}]}).encode(), read),
)  # fmt: skip

_HTTP = (
    Case("chunks of one byte", lambda size: _HEAD + b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n", _parsed),
    Case("chunks, byte by byte", lambda size: _HEAD + b"1\r\nx\r\n" * (size // 12) + b"0\r\n\r\n", lambda made: _parsed(made, 1)),
    Case("chunks in one reading", lambda size: _HEAD + b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n", lambda made: _parsed(made, len(made))),
    Case("one long chunk", lambda size: _HEAD + b"%x\r\n" % size + bytes(size) + b"\r\n0\r\n\r\n", _parsed),
    Case("a body to the end", lambda size: b"HTTP/1.1 200 OK\r\n\r\n" + bytes(size), _parsed),
    Case("interim responses", lambda size: b"HTTP/1.1 100 Continue\r\n\r\n" * (size // 25), _parsed),
    Case("a head without an end", lambda size: b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (size // 6), lambda made: _parsed(made, 7)),
    Case("trailers", lambda size: _HEAD + b"0\r\n" + b"a: b\r\n" * (size // 6), _parsed),
)  # fmt: skip

_CODING = (
    Case("gzip", lambda size: [*cut(gzip.compress(json.dumps([*range(size // 7)]).encode()), 4096)], _unfolded),
    Case("gzip byte by byte", lambda size: [*cut(gzip.compress(bytes(range(256)) * (size // 256), 0)[: size // 10], 1)], _unfolded),
    Case("a bomb of gzip", lambda size: [gzip.compress(bytes(20 * size))], _unfolded),
    Case("many members of gzip", lambda size: [gzip.compress(b"x") * (size // 21)], _unfolded),
    Case("members of gzip in pieces", lambda size: [*cut(gzip.compress(b"x") * (size // 21), 100)], _unfolded),
    Case("zeros after gzip", lambda size: [gzip.compress(b"x"), *[bytes(100)] * (size // 100)], _unfolded),
    Case("deflate", lambda size: [*cut(zlib.compress(json.dumps([*range(size // 7)]).encode()), 4096)],
         lambda made: _unfolded(made, "deflate")),
    Case("spaces under a coding", lambda size: [b" "] * (size // 10), lambda made: _unfolded(made, "deflate", "gzip")),
    Case("plain text under a coding", lambda size: [b'{"a":1}'] * (size // 7), lambda made: _unfolded(made, "gzip")),
)  # fmt: skip

FRAMING = (*_SSE, *_HTTP, *_CODING)
