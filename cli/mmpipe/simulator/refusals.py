"""Answer in place of the model: errors, and the faults that never get as far as a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from mmpipe.simulator.bodies import EVENT_STREAM, JSON, event
from mmpipe.simulator.envelopes import (
    Failure,
    base_resp_body,
    error_envelope,
    failure_of_code,
    failure_of_status,
)
from mmpipe.simulator.faults import Fault, FaultKind
from mmpipe.simulator.headers import Trace, headers
from mmpipe.simulator.json_text import Json, encode, encode_for_error
from mmpipe.simulator.steps import Drop, Head, Send, Stall, Step, Wait

_KEEP_ALIVE_S = 0.2
_RATE_LIMIT = 1002
_UNKNOWN_ERROR = 1000
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the network</h1></body></html>\n"
_ELSEWHERE = "/elsewhere/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Asked:
    """What must be known of a request to refuse it."""

    trace: Trace
    model: str
    stream: bool


def refused(failure: Failure, asked: Asked, extra: Mapping[str, str] | None = None) -> list[Step]:
    """Answer with a failure: as an error, or where the API does so as HTTP 200 with ``base_resp``."""
    if failure.status == HTTPStatus.OK:
        return _base_resp(failure, asked)
    data = encode_for_error(error_envelope(failure, asked.trace.id))
    return _page(failure.status, JSON, data, asked, extra)


def instead(fault: Fault, asked: Asked) -> list[Step] | Iterator[Step] | None:
    """Return the answer of a fault that takes the place of any other; None if it is not of that sort."""
    match fault.kind:
        case (
            FaultKind.STATUS
            | FaultKind.CODE
            | FaultKind.BASE_RESP
            | FaultKind.CHOICES_NULL
            | FaultKind.JSON_ERROR
        ):
            return _failed(fault, asked)
        case FaultKind.EVENT if not asked.stream:
            return refused(_failure(fault, asked), asked)
        case FaultKind.RETRY_AFTER | FaultKind.RETRY_AFTER_DATE:
            return _retry_after(fault, asked)
        case FaultKind.HTML:
            return _page(200, "text/html; charset=utf-8", _PAGE, asked)
        case FaultKind.EMPTY:
            return _page(200, EVENT_STREAM if asked.stream else JSON, b"", asked)
        case FaultKind.REDIRECT:
            return _page(302, "text/plain", b"", asked, {"Location": _ELSEWHERE})
        case FaultKind.REFUSE_LATE:
            return [Drop()]
        case FaultKind.HANG:
            return [Stall()]
        case FaultKind.COMMENTS:
            return _comments(asked)
        case _:
            return None


def error_event(code: int, asked: Asked) -> bytes:
    """Return the event that breaks a stream off (FACTS.md, "Error bodies")."""
    failure = failure_of_code(code, model=asked.model, now=asked.trace.now)
    return event(encode_for_error(error_envelope(failure, asked.trace.id)))


def _failed(fault: Fault, asked: Asked) -> list[Step]:
    match fault.kind:
        case FaultKind.BASE_RESP:
            return _base_resp(_failure(fault, asked), asked)
        case FaultKind.CHOICES_NULL:
            return _base_resp(None, asked)
        case FaultKind.JSON_ERROR:
            failure = failure_of_code(_UNKNOWN_ERROR, model=asked.model, now=asked.trace.now)
            return _page(200, JSON, encode_for_error(error_envelope(failure, asked.trace.id)), asked)
        case _:
            return refused(_failure(fault, asked), asked)


def _failure(fault: Fault, asked: Asked) -> Failure:
    find = failure_of_status if fault.kind is FaultKind.STATUS else failure_of_code
    return find(fault.number, model=asked.model, now=asked.trace.now)


def _base_resp(failure: Failure | None, asked: Asked) -> list[Step]:
    body: Json = base_resp_body(failure, asked.trace.id, model=asked.model, now=asked.trace.now)
    if asked.stream:
        return _page(200, EVENT_STREAM, event(encode(body | {"object": "chat.completion.chunk"})), asked)
    return _page(200, JSON, encode(body), asked)


def _retry_after(fault: Fault, asked: Asked) -> list[Step]:
    seconds, now = fault.number, asked.trace.now
    value = (
        str(seconds) if fault.kind is FaultKind.RETRY_AFTER else formatdate(int(now) + seconds, usegmt=True)
    )
    return refused(failure_of_code(_RATE_LIMIT, model=asked.model, now=now), asked, {"Retry-After": value})


def _comments(asked: Asked) -> Iterator[Step]:
    # Space before a body is what servers send to keep a JSON request alive.
    content_type, data = (EVENT_STREAM, b": keep-alive\n\n") if asked.stream else (JSON, b"\n")
    yield Head(200, headers(asked.trace, content_type, reached_model=True))
    while True:
        yield Send(data)
        yield Wait(_KEEP_ALIVE_S)


def _page(
    status: int, content_type: str, data: bytes, asked: Asked, extra: Mapping[str, str] | None = None
) -> list[Step]:
    sent = headers(asked.trace, content_type, reached_model=False) | dict(extra or {})
    return [Head(status, sent, len(data)), Send(data)]
