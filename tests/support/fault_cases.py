"""The table of faults: what comes over the connection, and what then must hold for the user."""

import gzip
import json
from dataclasses import dataclass

from support.fault_server import End, Script

MANY = 10**9  # of anything; the client must have gone long before
GIGABYTE = 2**30
PIECE = 2**16
MEGABYTE = 2**20


@dataclass(frozen=True)
class Case:
    """`streamed` is what `stream` prints; `chat` prints it all, or if it fails nothing."""

    script: Script
    status: int = 0
    streamed: bytes = b"five and six \xe2\x88\x8e\n"
    again: bool = False  # whether asking again may help
    hasty: bool = False  # only limits on time end it
    most: int = MEGABYTE  # bytes that the client may take

    @property
    def of_record(self) -> tuple[int, bool]:
        """The status that `batch` reports, and whether a retry may help."""
        return self.status, self.again


def head(*headers: str, kind: str = "text/event-stream", status: str = "200 OK") -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        "Connection: close",
        *([f"Content-Type: {kind}"] if kind else ()),
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def sized(body: bytes, *headers: str, kind: str = "application/json", status: str = "200 OK") -> bytes:
    return head(f"Content-Length: {len(body)}", *headers, kind=kind, status=status) + body


def answered(*pieces: bytes, end: End = End.CLOSE) -> Script:
    """A stream that goes on until the connection is closed."""
    return Script((head(), *pieces), pause=0.001 if len(pieces) > 1 else 0, end=end)


def in_chunks(*pieces: bytes, closed: bool = True) -> bytes:
    """The chunked transfer coding."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head("Transfer-Encoding: chunked") + chunks + (b"0\r\n\r\n" if closed else b"")


def event(delta: object, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': '1', 'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


BEGUN = event({"content": "five "}) + event({"content": "and "})
LAST = event({"content": "six ∎"}, "stop")
IN_TWO_LINES = LAST.replace(b', "choices"', b',\ndata: "choices"')
GOOD = BEGUN + LAST
WHOLE = b'{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"five and six \xe2\x88\x8e"}}]}'
DEEP = b"[" * 200_000
BOMB = gzip.compress(bytes(32 * MEGABYTE), 1)
PART = GOOD.index("∎".encode()) + 1  # cuts the character in two
SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"


def whole(body: bytes, kind: str = "application/json") -> Script:
    return Script((sized(body, kind=kind),))


def for_ever(begin: bytes, piece: bytes) -> Script:
    """Slowly, so that only a clock can end it."""
    return Script((begin, piece), pause=0.04, times=MANY)


def huge(begin: bytes, piece: bytes = b"x" * PIECE) -> Script:
    """As fast as it is taken."""
    return Script((begin, piece), times=GIGABYTE // len(piece))


SOUND: dict[str, Script] = {
    "sound": answered(GOOD),
    "sound-and-whole": whole(WHOLE),
    "the-same-json-twice": whole(WHOLE + WHOLE),
    "one-byte-at-a-time": Script(tuple(bytes([byte]) for byte in head() + GOOD), pause=0.0001),
    "comments-and-odd-fields": answered(b": hi\n\nretry: 3\n\nid: 7\n\nevent: x\n\nnonsense\n\n:\n" + GOOD),
    "retry-between": answered(BEGUN + b"retry: 3000\n\nid: 1\n\n" + LAST),
    "bom": answered(b"\xef\xbb\xbf" + GOOD),
    "bom-before-json": whole(b"\xef\xbb\xbf" + WHOLE),
    "cr": answered(GOOD.replace(b"\n", b"\r")),
    "crlf": answered(GOOD.replace(b"\n", b"\r\n")),
    "crlf-cut-in-two": answered(*(BEGUN + IN_TWO_LINES).replace(b"\n", b"\r\n").partition(b",\r")),
    "utf-8-split-over-chunks": Script((in_chunks(GOOD[:PART], GOOD[PART:]),)),
    "utf-8-split-in-time": answered(GOOD[:PART], GOOD[PART:]),
    "bytes-after-done": answered(GOOD + b"data: [DONE]\n\ndata: {\xff\n\n" + b"\0" * 1000),
    "no-blank-line-at-the-end": answered(GOOD[:-1]),
    "no-last-chunk": Script((in_chunks(GOOD, closed=False),)),
    "reset-after-the-finish": answered(GOOD, end=End.RESET),
    "length-too-long-after-the-finish": Script((head("Content-Length: 9999") + GOOD,)),
    "continue-first": Script((b"HTTP/1.1 100 Continue\r\n\r\n" + head() + GOOD,)),
    "hints-first": Script((b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + head() + GOOD,)),
    "http-1.0": Script((b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + GOOD,)),
    "no-content-type": whole(WHOLE, kind=""),
    "content-type-in-capitals": whole(WHOLE, kind="APPLICATION/JSON; CHARSET=UTF-8"),
    "content-type-of-a-stream-in-capitals": Script((head(kind="Text/Event-Stream") + GOOD,)),
    "identity-named": Script((sized(WHOLE, "Content-Encoding: identity"),)),
    "chunk-extensions": Script((in_chunks(GOOD).replace(b"0\r\n\r\n", b"0;x=y\r\nX-Trailer: z\r\n\r\n"),)),
    "trailer-of-9-kb": Script((in_chunks(GOOD)[:-2] + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n",)),
    "bytes-after-the-length": Script((sized(WHOLE) + b"junk\r\n\r\n",)),
    "bytes-after-the-last-chunk": Script((in_chunks(GOOD) + b"HTTP/1.1 junk\r\n\r\n",)),
    "a-bad-size-after-the-finish": Script((in_chunks(GOOD, closed=False) + b"zz\r\n",)),
    "header-of-9-kb": Script((head(f"X-Long: {'x' * 9000}") + GOOD,)),
    "silence-after-the-finish": answered(GOOD, end=End.SILENCE),
    "spaces-around-json": whole(b" \n" * 1000 + WHOLE + b"\n" * 1000),
    "text": whole(WHOLE, kind="text/plain"),
    "gzip": Script((sized(gzip.compress(WHOLE), "Content-Encoding: gzip"),)),
    "gzip-unnamed": whole(gzip.compress(WHOLE)),
    "encoding-unknown": Script((sized(WHOLE, "Content-Encoding: x-mine"),)),
    "not-retried-for-its-header": Script((head("Retry-After: 5", "x-should-retry: true") + GOOD,)),
}  # fmt: skip

UNREACHED: dict[str, tuple[Script, int]] = {
    "closed-before-a-byte": (Script(), 6),
    "reset": (Script(end=End.RESET), 6),
    "reset-within-the-headers": (Script((head()[:-2],), end=End.RESET), 6),
    "closed-within-the-headers": (Script((head()[:-2],)), 6),
    "silence": (Script(end=End.SILENCE), 5),
    "silence-within-the-status-line": (Script((head()[:9],), end=End.SILENCE), 5),
    "silence-within-the-headers": (Script((head()[:-2],), end=End.SILENCE), 5),
    "headers-for-ever": (for_ever(head()[:-2], b"X: y\r\n"), 5),
    "hints-for-ever": (for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), 5),
    "spaces-for-ever": (for_ever(head(kind="application/json"), b" "), 5),
}
"""Nothing of an answer has come, and asking again may help."""

BROKEN_OFF: dict[str, tuple[Script, int]] = {
    "closed": (answered(BEGUN), 8),
    "half-an-event": (answered(BEGUN + LAST[:-20]), 8),
    "half-a-character": (answered(BEGUN + LAST[: LAST.index(b"\x88")]), 8),
    "done-without-a-finish": (answered(BEGUN + b"data: [DONE]\n\n"), 8),
    "chunk-missing": (Script((in_chunks(BEGUN, closed=False),)), 8),
    "chunk-cut": (Script((in_chunks(BEGUN, LAST)[:-30],)), 8),
    "chunk-size-cut": (Script((in_chunks(BEGUN, closed=False) + b"1",)), 8),
    "length-too-long": (Script((head("Content-Length: 9999") + BEGUN,)), 8),
    "length-too-short": (Script((head(f"Content-Length: {len(BEGUN)}") + BEGUN,)), 8),
    "length-within-an-event": (Script((head(f"Content-Length: {len(GOOD) - 20}") + GOOD[:-20],)), 8),
    "utf-16-at-last": (answered(BEGUN + LAST.decode().encode("utf-16")), 8),
    "reset-within-a-chunk": (Script((in_chunks(BEGUN, LAST)[:-30],), end=End.RESET), 6),
    "reset-without-a-length": (answered(BEGUN, end=End.RESET), 6),
    "reset-within-the-length": (Script((head("Content-Length: 9999") + BEGUN,), end=End.RESET), 6),
    "stall": (answered(BEGUN, end=End.SILENCE), 5),
    "comments-for-ever": (for_ever(head() + BEGUN, b": ping\n\n"), 5),
    "retry-lines-for-ever": (for_ever(head() + BEGUN, b"retry: 1\n\n"), 5),
    "empty-deltas-for-ever": (for_ever(head() + BEGUN, event({"content": ""})), 5),
    "a-line-for-ever": (for_ever(head() + BEGUN + b"data: ", b"x"), 5),
}
"""The beginning of an answer has come, and asking again may help."""

SPOILT: dict[str, Script] = {
    "broken-json": answered(BEGUN + b"data: {broken\n\n" + LAST),
    "not-an-object": answered(BEGUN + b"data: [1]\n\n" + LAST),
    "invalid-utf-8": answered(BEGUN + b'data: {"a": "\xff\xfe"}\n\n' + LAST),
    "deep": answered(BEGUN + b"data: " + DEEP + b"\n\n" + LAST),
    "deep-and-open-objects": answered(BEGUN + b'data: {"a":' + b'{"a":' * 200_000 + b"\n\n" + LAST),
    "a-number-of-too-many-digits": answered(BEGUN + b'data: {"a":' + b"9" * 100_000 + b"}\n\n" + LAST),
    "chunk-size-no-number": Script((in_chunks(BEGUN, closed=False) + b"zz\r\n" + LAST,)),
    "chunk-size-negative": Script((in_chunks(BEGUN, closed=False) + b"-5\r\n" + LAST,)),
    "chunk-size-enormous": Script((in_chunks(BEGUN, closed=False) + b"f" * 40 + b"\r\n" + LAST,)),
}
"""The beginning of an answer has come, and then nonsense; asking again would bring it again."""

EMPTY: dict[str, Script] = {
    "empty": whole(b""),
    "empty-stream": answered(b""),
    "no-content": Script((head(kind="", status="204 No Content"),)),
    "half-of-json": whole(WHOLE[:-5]),
    "half-of-gzip": Script((sized(gzip.compress(WHOLE)[:-20], "Content-Encoding: gzip"),)),
}
"""Nothing of an answer, or no whole one, has come, and asking again may help."""

NONSENSE: dict[str, Script] = {
    "html": whole(b"<html><h1>Welcome</h1></html>", kind="text/html"),
    "array": whole(b"[1, 2]"),
    "string": whole(b'"five"'),
    "number": whole(b"5"),
    "null": whole(b"null"),
    "true": whole(b"true"),
    "nan": whole(b"NaN"),
    "object": whole(b"{}"),
    "json-not-utf-8": whole(WHOLE.replace(b"\xe2", b"\xff")),
    "deep-json": whole(DEEP),
    "closed-deep-json": whole(DEEP + b"]" * len(DEEP)),
    "choices-a-number": whole(b'{"choices": 5}'),
    "choices-of-numbers": whole(b'{"choices": [5, null, "x", []]}'),
    "gzip-bomb": Script((sized(BOMB, "Content-Encoding: gzip"),)),
    "gzip-bomb-in-a-stream": Script((head("Content-Encoding: gzip") + BOMB,)),
    "http-0.9": Script((b"<html>hello</html>",)),
    "gzip-bomb-unnamed": whole(BOMB),
    "gzip-bomb-of-spaces": Script((sized(gzip.compress(b" " * 65 * MEGABYTE, 1), "Content-Encoding: gzip"),)),
    "gzip-corrupt": Script((sized(gzip.compress(WHOLE)[:-8] + bytes(8), "Content-Encoding: gzip"),)),
    "brotli": Script((sized(b"\x8b\x04\x80squeezed\x03", "Content-Encoding: br"),)),
    "http-0.9-and-a-blank-line": Script((b"<html>hello</html>\r\n\r\n",)),
    "ssh": Script((SSH,), end=End.SILENCE),
    "ssh-and-closed": Script((SSH,)),
    "ssh-and-a-blank-line": Script((SSH + b"\r\n",), end=End.SILENCE),
    "smtp": Script((b"220 mail.example ESMTP\r\n\r\n",)),
    "status-no-number": Script((head(status="OK") + GOOD,)),
    "status-of-two-digits": Script((head(status="20 OK") + GOOD,)),
    "length-no-number": Script((head("Content-Length: five") + GOOD,)),
    "length-negative": Script((head("Content-Length: -5") + GOOD,)),
    "lengths-that-differ": Script((head("Content-Length: 5", "Content-Length: 6") + GOOD,)),
    "header-without-a-name": Script((head(": x") + GOOD,)),
    "header-without-a-colon": Script((head("nonsense") + GOOD,)),
    "header-of-200-kb": Script((head(f"X-Long: {'x' * 200_000}") + GOOD,)),
    "status-line-of-200-kb": Script((head(status="200 " + "x" * 200_000) + GOOD,)),
    "length-twice": Script((sized(WHOLE, f"Content-Length: {len(WHOLE)}"),)),
    "length-and-chunks": Script((in_chunks(GOOD).replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1),)),
    "10000-headers": Script((head(*(f"X-{number}: {'y' * 20}" for number in range(10_000))) + GOOD,)),
}
"""Nothing of an answer has come; asking again would bring the same."""

ENDLESS: dict[str, tuple[Script, int]] = {
    "line-of-1-gb": (huge(head() + b"data: "), 16),
    "comment-of-1-gb": (huge(head() + b": "), 16),
    "event-of-1-gb": (huge(head() + b"data: x\n", b"data: " + b"x" * PIECE + b"\n"), 16),
    "thinking-of-1-gb": (huge(head(), event({"reasoning_content": "x" * PIECE})), 64),
    "json-of-1-gb": (huge(head(kind="application/json") + b'{"a": "'), 64),
    "chunk-extension-of-1-gb": (huge(in_chunks(closed=False) + b"5;x="), 1),
    "trailers-of-1-gb": (huge(in_chunks(closed=False) + b"0\r\n", b"X-Many: y\r\n" * 5000), 1),
    "hints-of-1-gb": (huge(b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1000), 1),
    "header-of-1-gb": (huge(head()[:-2] + b"X-Long: "), 1),
    "headers-of-1-gb": (huge(head()[:-2], b"X-Many: y\r\n" * 5000), 1),
    "status-line-of-1-gb": (huge(b"HTTP/1.1 200 "), 1),
}
"""Refused at a limit, in megabytes; what lies in buffers comes on top."""

NOTHING = b""
BEGINNING = b"five and "
ALL_BUT_THE_LAST_NEWLINE = Case.streamed[:-1]
BUFFERED = 24 * MEGABYTE


CASES: dict[str, Case] = {
    **{name: Case(script) for name, script in SOUND.items()},
    **{
        name: Case(script, status, NOTHING, again=True, hasty=status == 5)
        for name, (script, status) in UNREACHED.items()
    },
    **{
        name: Case(script, status, BEGINNING, again=True, hasty=status == 5)
        for name, (script, status) in BROKEN_OFF.items()
    },
    **{name: Case(script, 8, BEGINNING, most=3 * MEGABYTE) for name, script in SPOILT.items()},
    **{name: Case(script, 8, NOTHING, again=True) for name, script in EMPTY.items()},
    **{name: Case(script, 8, NOTHING, most=3 * MEGABYTE) for name, script in NONSENSE.items()},
    # This is meant: an error may follow the finish, so what follows it and cannot be read is not passed over.
    "nonsense-after-the-finish": Case(
        answered(GOOD + b"data: {broken\n\n" + b"data: [DONE]\n\n"), 8, ALL_BUT_THE_LAST_NEWLINE
    ),
    # `stream` has written the first of two answers when the second comes.
    "two-of-json": Case(whole(WHOLE + WHOLE.replace(b"five", b"nine")), 8, ALL_BUT_THE_LAST_NEWLINE),
    **{
        name: Case(script, 8, NOTHING, most=megabytes * MEGABYTE + BUFFERED)
        for name, (script, megabytes) in ENDLESS.items()
    },
}
