"""Shapes of HTTP itself: framing, heads and what stands around them; both HTTP stacks judge them alike.

Rows with a 200 and status 8 are refused by rules, not by chance: the reason stands in `says`.
"""

import json

from support.fault_cases import head, in_chunks
from support.fault_server import End, Script
from support.server_shapes.shape import DONE, Shape, message, text

SIX = json.dumps(message({"role": "assistant", "content": "six"})).encode()
EVENTS = text("si") + text("x", "stop")
JSON = "Content-Type: application/json"


def raw(*lines: str, body: bytes = SIX, first: str = "HTTP/1.1 200 OK", end: End = End.CLOSE) -> Script:
    """A response of these lines and no others."""
    sent = "\r\n".join((first, *lines, "", "")).encode("latin-1") + body
    return Script((sent,), end=end)


def sized(*lines: str, first: str = "HTTP/1.1 200 OK", after: bytes = b"") -> Script:
    return raw(JSON, f"Content-Length: {len(SIX)}", *lines, first=first, body=SIX + after)


def chunked(body: bytes, *lines: str, end: End = End.CLOSE) -> Script:
    return raw(JSON, "Transfer-Encoding: chunked", *lines, body=body, end=end)


def chunk(body: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body) + last


def whole(sent: Script) -> Shape:
    return Shape(sent=sent, text="six")


def refused(sent: Script, *says: str) -> Shape:
    """No retry: the same would come again."""
    return Shape(sent=sent, status=8, says=("is not HTTP", *says))


def truncated(sent: Script, partial: str = "") -> Shape:
    return Shape(sent=sent, status=8, partial=partial, says=("truncated",), requests=2)


SHAPES: dict[str, Shape] = {
    # Two lengths, or a length and chunks (shapes 44, 45).
    "length-and-chunks": refused(chunked(chunk(SIX), "Content-Length: 5"), "both Content-Length and"),
    "right-length-and-chunks": refused(chunked(chunk(SIX), f"Content-Length: {len(SIX)}"), "both Content-Length and"),
    "length-twice": refused(sized(f"Content-Length: {len(SIX)}"), "Content-Length is"),
    "lengths-that-differ": refused(sized("Content-Length: 5"), "Content-Length is"),
    "length-as-a-list": refused(raw(JSON, f"Content-Length: {len(SIX)}, {len(SIX)}"), "Content-Length is"),
    "length-with-a-sign": refused(raw(JSON, f"Content-Length: +{len(SIX)}"), "Content-Length is"),
    "chunked-twice": refused(chunked(chunk(SIX), "Transfer-Encoding: chunked"), "Transfer-Encoding is"),
    "chunked-and-gzip": refused(raw(JSON, "Transfer-Encoding: gzip, chunked", body=chunk(SIX)), "Transfer-Encoding is"),
    "identity-as-coding": refused(raw(JSON, "Transfer-Encoding: identity"), "Transfer-Encoding is"),
    "chunked-in-capitals": whole(raw(JSON, "transfer-encoding:CHUNKED ", body=chunk(SIX))),
    "no-length-at-all": whole(raw(JSON)),
    # Bytes missing, or too many.
    "fewer-bytes-than-the-length": truncated(raw(JSON, f"Content-Length: {len(SIX) + 9}")),
    "no-last-chunk": truncated(chunked(chunk(SIX, last=b""))),
    "no-last-chunk-after-the-finish": whole(Script((in_chunks(EVENTS + DONE, closed=False),))),
    "no-last-chunk-before-the-finish": truncated(Script((in_chunks(text("si"), closed=False),)), partial="si"),
    "a-chunk-cut-short": truncated(chunked(chunk(SIX)[:-20])),
    "newline-after-the-end": whole(sized(after=b"\r\n")),
    "nonsense-after-the-length": whole(sized(after=b"nonsense\r\n\r\n")),
    "a-second-response": whole(sized(after=b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")),
    "nonsense-after-the-last-chunk": whole(chunked(chunk(SIX) + b"\0\0\0")),
    # Chunks whose framing is broken; the connection stays open, as a server that waits for the next request leaves it.
    "size-no-number": refused(chunked(b"zz\r\n" + SIX, end=End.SILENCE), "the size of a chunk is 'zz"),
    "size-with-a-prefix": refused(chunked(b"0x" + chunk(SIX), end=End.SILENCE), "the size of a chunk is"),
    "size-negative": refused(chunked(b"-" + chunk(SIX), end=End.SILENCE), "the size of a chunk is"),
    "size-too-large": refused(chunked(b"f" * 16 + b"\r\n" + SIX, end=End.SILENCE), "the size of a chunk is"),
    "size-too-small": refused(chunked(b"5\r\n" + SIX + b"\r\n0\r\n\r\n", end=End.SILENCE), "a chunk is longer"),
    "sizes-that-end-with-lf": refused(chunked(chunk(SIX).replace(b"\r\n", b"\n"), end=End.SILENCE), "the size of a chunk"),
    "size-with-extension-and-space": whole(chunked(b'%x ;a="b"\r\n' % len(SIX) + chunk(SIX).partition(b"\n")[2])),
    "trailers": whole(chunked(chunk(SIX, last=b"0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n"))),
    # Heads.
    "many-headers": whole(sized(*(f"X-{number}: y" for number in range(500)))),
    "a-header-of-60-kb": whole(sized(f"X-Long: {'y' * 60_000}")),
    "a-head-of-200-kb": refused(sized(*[f"X-Long: {'y' * 50_000}"] * 4), "its head is longer than"),
    "a-folded-header": whole(sized("X-Folded: one", "\ttwo")),
    "a-folded-content-type": whole(raw("Content-Type:", " application/json", f"Content-Length: {len(SIX)}")),
    "lines-that-end-with-lf": whole(Script((sized("Connection: close").pieces[0].replace(b"\r\n", b"\n"),))),
    "nul-in-a-header": refused(sized("X-Odd: a\0b"), "a header is"),
    "cr-in-a-header": refused(sized("X-Odd: a\rContent-Length: 5"), "a header is"),
    "escape-in-a-header": whole(sized("X-Odd: a\x1bb\x7f\x80\xff")),
    "space-before-the-colon": refused(sized("Content-Length : 5"), "a header is"),
    "no-colon": refused(sized("nonsense"), "a header is 'nonsense'"),
    # Status lines.
    "http-1.0": whole(raw(JSON, first="HTTP/1.0 200 OK")),
    "no-reason": whole(sized(first="HTTP/1.1 200")),
    "http-2": refused(sized(first="HTTP/2 200"), "it begins with 'HTTP/2"),
    "status-of-four-digits": refused(sized(first="HTTP/1.1 2000 OK"), "its status line is"),
    "status-0": refused(sized(first="HTTP/1.1 000 OK"), "its status line is"),
    "an-empty-line-first": refused(Script((b"\r\n" + sized().pieces[0],)), "it begins with"),
    "html-without-a-head": refused(Script((b"<html>busy</html>\n",), end=End.SILENCE), "it begins with '<"),
    "continue-and-hints-first": whole(
        Script((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + sized().pieces[0],))
    ),
    "switching-protocols": refused(Script((b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",)), "101"),
    # No body, and errors whose framing is broken: their status is known before that.
    "not-modified": Shape(sent=raw(first="HTTP/1.1 304 Not Modified", body=b""), status=9, says=("HTTP 304",)),
    "refused-with-two-lengths": Shape(
        sent=raw("Content-Length: 2", "Content-Length: 2", body=b"{}", first="HTTP/1.1 400 Bad Request"),
        status=9,
        says=("HTTP 400",),
    ),
    "failed-with-a-length-and-chunks": Shape(
        sent=Script((head("Transfer-Encoding: chunked", "Content-Length: 5", status="503 Busy") + chunk(b"{}"),)),
        status=7,
        says=("HTTP 503",),
        requests=2,
    ),
    "the-reason-of-a-cut-refusal": Shape(
        sent=raw(JSON, "Content-Length: 999", body=b'{"error":{"message":"too long"}}', first="HTTP/1.1 400 Bad"),
        status=9,
        says=("too long",),
    ),
}  # fmt: skip
