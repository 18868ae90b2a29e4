"""Framing: the bytes of a response decide about its form, whatever its headers say (api/FACTS.md, "Framing")."""

import gzip
import json
import zlib

from support.fault_cases import head
from support.fault_server import End, Script
from support.server_shapes.shape import DONE, GOOD, Shape, body, data, delta, message, streamed, text

_WHOLE = json.dumps(message({"content": "five six"})).encode()
_FIVE, _SIX = text("five "), text("six", "stop")
_EVENTS = _FIVE + _SIX
_LINES = [event.removeprefix(b"data: ").strip() for event in (_FIVE, _SIX)]
_ONE, _TWO = (json.dumps(message({"content": each})).encode() for each in ("one", "two"))
_ANSWER = "five six"
_BROKEN = {"error": {"message": "it broke (1000)"}}


def _raw_deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


def _packed(sent: bytes, coding: str | None, kind: str = "text/event-stream") -> Shape:
    """The answer in a compressed body, with the name of its coding."""
    headers = () if coding is None else (f"Content-Encoding: {coding}",)
    return Shape(sent=body(sent, *headers, kind=kind), text=_ANSWER)


def _plain(sent: bytes, kind: str = "text/event-stream", *headers: str) -> Shape:
    return Shape(sent=body(sent, *headers, kind=kind), text=_ANSWER)


_GZIP = gzip.compress(_EVENTS)

SHAPES: dict[str, Shape] = {
    "whole-and-done-as-stream": _plain(_WHOLE + b"\n\n" + DONE),
    "whole-as-stream": _plain(_WHOLE),
    "whole-printed-in-many-lines": _plain(json.dumps(json.loads(_WHOLE), indent=2).encode() + b"\n\n" + DONE),
    "whole-with-empty-lines": _plain(json.dumps(json.loads(_WHOLE), indent=2).replace("}\n", "}\n\n").encode()),
    "whole-with-empty-lines-on-an-open-connection": Shape(
        sent=Script((head(), json.dumps(json.loads(_WHOLE), indent=2).replace("}\n", "}\n\n").encode() + b"\n\n"), end=End.SILENCE),
        text=_ANSWER, options=("--idle-timeout", "1.3"),
    ),
    "whole-as-text": _plain(_WHOLE, "text/plain; charset=utf-8"),
    "whole-as-html": _plain(_WHOLE, "text/html"),
    "whole-after-comments": _plain(b": wait\n\n: wait\n\n" + _WHOLE),
    "whole-after-spaces": _plain(b" " * 500 + b"\n" * 20 + _WHOLE, "application/json"),
    "whole-in-an-event": _plain(b"data: " + _WHOLE + b"\n\n"),
    "whole-on-an-open-connection": Shape(
        sent=Script((head(), _WHOLE + b"\n"), end=End.SILENCE), text=_ANSWER, options=("--idle-timeout", "1.3")
    ),
    "no-answer-after-spaces": Shape(
        sent=body(b" " * 500 + b"wrong door", kind="text/plain"), status=8, says=("sent text/plain instead of an answer: wrong door",)
    ),
    **{
        f"two-answers-{name}": Shape(sent=body(between.join((_ONE, _TWO)).join(around)), status=8, partial=partial, says=("two answers",))
        for name, between, around, partial in (
            ("on-one-line", b"", (b"", b""), "one"),
            ("on-two-lines", b"\n", (b"", b""), "one"),
            ("in-an-array", b",", (b"[", b"]"), "one"),
            ("in-events", b"\n\ndata: ", (b"data: ", b"\n\n"), "one"),
        )
    },
    "one-answer-twice": _plain(_WHOLE + _WHOLE),
    "messages-in-pieces-with-one-reason": _plain(
        data(message({"content": "five "}, None)) + data(message({"content": "six"}))
    ),
    "stream-as-text": _plain(_EVENTS, "text/plain"),
    "stream-as-json": _plain(_EVENTS, "application/json"),
    "stream-without-type": _plain(_EVENTS, ""),
    "json-lines": _plain(b"\n".join(_LINES) + b"\n", "application/x-ndjson"),
    "json-lines-and-done": _plain(b"\r\n".join(_LINES) + b"\r\n\r\n[DONE]", "application/json"),
    "json-array": _plain(b"[" + b"\n,\n".join(_LINES) + b"]", "application/json"),
    "json-array-with-an-error": Shape(
        sent=(body([_BROKEN]), GOOD), text="done", requests=2
    ),
    "error-where-a-stream-was-asked-for": Shape(
        sent=(body(_BROKEN, kind="text/event-stream"), GOOD), text="done", requests=2
    ),
    "error-in-lines-after-a-comment": Shape(
        sent=(body(b": wait\n\n" + json.dumps(_BROKEN, indent=1).encode()), GOOD), text="done", requests=2
    ),
    "error-without-data-in-a-stream": Shape(
        sent=streamed(_FIVE, json.dumps(_BROKEN).encode() + b"\n\n"),
        status=7, partial="five ", says=("it broke",), requests=2,
    ),
    "error-field": Shape(
        sent=body(b'error: {"code": 1026, "message": "the prompt is bad"}\n\n' + DONE),
        status=10, says=("the prompt is bad",),
    ),
    "error-field-of-text": Shape(sent=streamed(_FIVE, b"error: it broke\n"), status=7, partial="five ", says=("it broke",), requests=2),
    "error-event": Shape(
        sent=streamed(_FIVE, b'event: error\ndata: {"code": 1026, "detail": "x", "message": "bad"}\n\n'),
        status=10, partial="five ", says=("bad",),
    ),
    "error-event-of-text": Shape(sent=streamed(b"event: error\ndata: it broke\n\n"), status=7, says=("it broke",), requests=2),
    "empty-data": Shape(sent=streamed(_FIVE, b"data:\n\ndata\n\ndata: \n\n", _SIX), text=_ANSWER),
    "pings": Shape(
        sent=streamed(
            b"event: ping\ndata: 2026-11-30 12:00\n\n", _FIVE, b": ping\n\nevent: heartbeat\ndata\n\n",
            b'event: keep-alive\ndata: {"message": "still here"}\n\n', b"data: : keepalive\n\n",
            b'event: ping\ndata: "ping"\n\nevent: ping\n\n', b"event: message\n" + _SIX,
        ),
        text=_ANSWER,
    ),
    "events-with-names": Shape(
        sent=streamed(b"event: completion.chunk\nid: 1\n" + _FIVE, b"id: 2\nevent: done\n" + _SIX), text=_ANSWER
    ),
    "data-that-is-no-json": Shape(
        sent=streamed(_FIVE, b"data: ping\n\n", _SIX), status=8, partial="five ", says=("not JSON: ping",)
    ),
    "named-data-that-is-cut": Shape(
        sent=streamed(_FIVE, b"event: chunk\n" + _FIVE[:40] + b"\n\n", _SIX), status=8, partial="five ", says=("not JSON",)
    ),
    "done-in-the-same-line": _plain(_WHOLE + b"data: [DONE]", "application/json"),
    "chunks-in-one-line": _plain(b"".join(_LINES) + b"\n", "application/json"),
    "events-in-one-line": Shape(sent=streamed(_FIVE[:-2] + _SIX), text=_ANSWER),
    "page-with-a-script": Shape(
        sent=body(b"<html>\n<script>\n{ let x = {} }\n\n</script></html>", kind="text/html"),
        status=8, says=("sent text/html instead of an answer: <html> <script>",),
    ),
    "done-in-quotes": Shape(sent=streamed(_FIVE, _SIX, b'data:  "[DONE]" \n\n'), text=_ANSWER),
    "done-in-lower-case": Shape(sent=streamed(_FIVE, _SIX, b"data: [done]  \n\n"), text=_ANSWER),
    "no-space": Shape(sent=streamed(_EVENTS.replace(b"data: ", b"data:")), text=_ANSWER),
    "data-twice": Shape(sent=streamed(_EVENTS.replace(b"data: ", b"data: data: ")), text=_ANSWER),
    "single-line-ends": Shape(sent=streamed(_EVENTS.replace(b"\n\n", b"\n") + DONE), text=_ANSWER),
    "single-line-ends-with-names": Shape(
        sent=streamed(b"event: x\n" + _FIVE[:-1] + b"event: y\n" + _SIX[:-1]), text=_ANSWER
    ),
    "single-line-ends-on-an-open-connection": Shape(
        sent=streamed(_FIVE[:-1], text("s")[:-1], text("ix", "stop")[:-1], pause=0.05, end=End.SILENCE),
        text=_ANSWER,
        options=("--idle-timeout", "30"),
    ),
    "event-in-two-lines": Shape(sent=streamed(_EVENTS.replace(b', "finish', b',\ndata: "finish')), text=_ANSWER),
    "cr": Shape(sent=streamed(b"\xef\xbb\xbf" + _EVENTS.replace(b"\n", b"\r"), kind="text/plain"), text=_ANSWER),
    "coding-utf-8": _packed(_EVENTS, "utf-8"),
    "coding-none": _packed(_WHOLE, "none", "application/json"),
    "coding-of-a-type": _packed(_WHOLE, "application/json", "application/json"),
    "coding-empty": _packed(_EVENTS, ""),
    "gzip": _packed(_GZIP, "gzip"),
    "gzip-in-capitals": _packed(_GZIP, "GZIP"),
    "x-gzip": _packed(gzip.compress(_WHOLE), "x-gzip", "application/json"),
    "gzip-not-named": _packed(_GZIP, None),
    "gzip-named-as-deflate": _packed(_GZIP, "deflate"),
    "gzip-twice": _packed(gzip.compress(_GZIP), "gzip, gzip"),
    "gzip-named-once-too-often": _packed(_GZIP, "gzip, gzip"),
    "gzip-in-members": _packed(gzip.compress(_FIVE) + gzip.compress(_SIX) + bytes(9), "gzip"),
    "gzip-piece-by-piece": Shape(
        sent=Script((head("Content-Encoding: gzip"), *(bytes([byte]) for byte in _GZIP)), pause=0.001), text=_ANSWER
    ),
    "gzip-unpacked-by-a-proxy": _packed(_EVENTS, "gzip"),
    "brotli-unpacked-by-a-proxy": _packed(_WHOLE, "br", "application/json"),
    "deflate": _packed(zlib.compress(_EVENTS), "deflate"),
    "deflate-without-header": _packed(_raw_deflate(_EVENTS), "deflate"),
    "deflate-without-header-and-whole": _packed(_raw_deflate(_WHOLE), "deflate", "application/json"),
    "deflate-unpacked-by-a-proxy": _packed(_EVENTS, "deflate"),
    "gzip-of-an-error": Shape(
        sent=body(gzip.compress(json.dumps(_BROKEN).encode()), "Content-Encoding: gzip", status="503 Oops"),
        status=7, says=("it broke",), requests=2,
    ),
    "gzip-cut": Shape(
        sent=(body(gzip.compress(_WHOLE)[:-20], "Content-Encoding: gzip"), GOOD), text="done", requests=2
    ),
    "gzip-cut-within-a-stream": Shape(
        sent=Script((head("Content-Encoding: gzip"), gzip.compress(_FIVE)[:-8])), status=8, partial="five ", says=("truncated",), requests=2
    ),
    "gzip-cut-after-the-finish": Shape(sent=Script((head("Content-Encoding: gzip"), _GZIP[:-8])), text=_ANSWER),
    "gzip-corrupt": Shape(
        sent=body(_GZIP[:-8] + bytes(8), "Content-Encoding: gzip"), status=8, says=("corrupt",)
    ),
    "brotli": Shape(
        sent=body(b"\x8b\x04\x80squeezed\x03", "Content-Encoding: br"), status=8, says=("compressed its answer with br",)
    ),
    "zstd": Shape(
        sent=body(b"\x28\xb5\x2f\xfdsqueezed", "Content-Encoding: zstd"), status=8, says=("compressed its answer with zstd",)
    ),
    "a-page": Shape(sent=body(b"<html>\n<h1>Welcome</h1></html>", kind="text/html"), status=8, says=("sent text/html instead of an answer: <html> <h1>Welcome",)),
    "words": Shape(sent=body(b"upstream not ready\n", kind="text/event-stream"), status=8, says=("instead of an answer: upstream not ready",)),
    "model-without-finish": Shape(
        sent=streamed(delta({"content": "five "}), data({"choices": []})), status=8, partial="five ", says=("truncated",), requests=2
    ),
}  # fmt: skip
