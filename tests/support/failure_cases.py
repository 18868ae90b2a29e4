"""The table of failures that the service reports: HTTP statuses, and the codes of MiniMax in each of their forms."""

import gzip
import json

from support.fault_cases import (
    BEGINNING,
    BEGUN,
    DEEP,
    MEGABYTE,
    NOTHING,
    Case,
    answered,
    for_ever,
    head,
    huge,
    sized,
    whole,
)
from support.fault_server import End, Script

OWN_STATUS = {401: 3, 402: 4, 403: 3, 408: 5, 429: 4, 504: 5}
# A conflict, a request that came too early, and one that a proxy took for closed may pass.
PASSING = {408, 409, 425, 429, 499, *range(500, 600)} - {501, 505, 511}

# FACTS.md, "Error codes": the HTTP status where one was seen, our exit status, and whether a retry may help.
OF_MINIMAX = {
    1000: (500, 7, True), 1001: (500, 5, True), 1002: (429, 4, True), 1004: (401, 3, False),
    1008: (402, 4, False), 1013: (500, 7, True), 1024: (500, 7, True), 1026: (422, 10, False),
    1027: (422, 10, False), 1028: (429, 4, False), 1030: (429, 4, False), 1033: (500, 7, True),
    1039: (400, 9, False), 1041: (429, 4, True), 1042: (400, 9, False), 2013: (400, 9, False),
    2045: (429, 4, True), 2049: (401, 3, False), 2056: (429, 4, False), 2061: (400, 4, False),
    2062: (400, 4, False), 2064: (529, 7, True),
}  # fmt: skip


def failed(status: int, body: bytes = b"", *headers: str, kind: str = "application/json") -> Script:
    return Script((sized(body, *headers, kind=kind, status=f"{status} Oops"),))


def reported(message: str, http: int) -> bytes:
    """The error body of the API (FACTS.md, "Error bodies")."""
    error = {"type": "x_error", "message": message, "http_code": str(http)}
    return json.dumps({"type": "error", "error": error, "request_id": "0640"}).encode()


def based(code: int) -> bytes:
    """The other form: the answer that is none."""
    base = {"status_code": code, "status_msg": "what it says"}
    return json.dumps({"id": "0", "choices": None, "usage": {"total_tokens": 0}, "base_resp": base}).encode()


def forms(code: int, http: int) -> dict[str, tuple[Script, bytes]]:
    """Return the forms in which a code may arrive, each with the part of an answer before it."""
    error = reported(f"what it says ({code})", http)
    return {
        f"{code}-as-status": (failed(http, error), NOTHING),
        f"{code}-as-base_resp": (whole(based(code)), NOTHING),
        f"{code}-as-chunk": (answered(BEGUN + b"data: " + based(code) + b"\n\n"), BEGINNING),
        f"{code}-as-event": (answered(BEGUN + b"event: error\ndata: " + error + b"\n\n"), BEGINNING),
    }


UNEXPLAINED: dict[str, Script] = {
    "html": failed(503, b"<html><h1>\x1b[31mBad Gateway</h1></html>", kind="text/html"),
    "empty-object": failed(503, b"{}"),
    "array": failed(503, b"[1]"),
    "deep": failed(503, DEEP),
    "not-utf-8": failed(503, b'{"error": {"message": "\xff"}}'),
    "error-a-number": failed(503, b'{"error": 5}'),
    "of-1-gb": huge(head(status="503 Oops")),
}
"""The body that should explain an HTTP status is useless."""


def unreadable(http: int) -> dict[str, tuple[Script, bool]]:
    """The body that should explain an HTTP status does not come, or never ends: the status keeps its meaning."""
    status = f"{http} Oops"
    begun = head("Content-Length: 999", "Retry-After: 0", status=status) + b'{"error": '
    in_chunks = head("Transfer-Encoding: chunked", status=status) + b'a\r\n{"error": \r\n'
    cases = {
        "cut": (Script((begun,)), False),
        "cut-between-chunks": (Script((in_chunks,)), False),
        "cut-within-a-size": (Script((in_chunks + b"1",)), False),
        "of-no-chunks": (Script((in_chunks, b"zz\r\n"), pause=0.1), False),
        "reset": (Script((begun,), end=End.RESET), False),
        "reset-between-chunks": (Script((in_chunks,), end=End.RESET), False),
        "stalled": (Script((begun,), end=End.SILENCE), True),
        "without-end": (for_ever(in_chunks, b"1\r\n \r\n"), True),
        "compressed": (failed(http, gzip.compress(b"{}"), "Content-Encoding: gzip"), False),
    }
    return {f"{http}-{name}": case for name, case in cases.items()}


FAILURES: dict[str, Case] = {
    **{
        f"status-{http}": Case(
            failed(http), OWN_STATUS.get(http, 7 if http >= 500 else 9), NOTHING, again=http in PASSING
        )
        for http in (
            *range(300, 309),
            *range(400, 453),
            499,
            *range(500, 513),
            *range(519, 532),
            597,
            598,
            599,
        )
    },
    **{
        name: Case(script, status, streamed, again=again)
        for code, (http, status, again) in OF_MINIMAX.items()
        for name, (script, streamed) in forms(code, http).items()
    },
    **{
        name: Case(script, OWN_STATUS.get(http, 7), NOTHING, again=http in PASSING, hasty=hasty)
        for http in (401, 429, 503)
        for name, (script, hasty) in unreadable(http).items()
    },
    **{
        f"503-{name}": Case(script, 7, NOTHING, again=True, most=8 * MEGABYTE)
        for name, script in UNEXPLAINED.items()
    },
}
