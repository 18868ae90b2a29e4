"""The answers without a model: errors, and faults that replace the whole answer."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeAlias

from mmpipe.dataclass import dataclass
from mmpipe.simulator.bodies import EVENT_STREAM, JSON, encode_event
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import (
    ApiFailure,
    build_base_resp_body,
    build_error_body,
    failure_of_code,
    failure_of_status,
)
from mmpipe.simulator.error_forms import build_stream_error, encode_error
from mmpipe.simulator.faults import Fault, FaultKind
from mmpipe.simulator.headers import RequestTrace, build_headers
from mmpipe.simulator.json_text import Json, encode, encode_for_error
from mmpipe.simulator.steps import Drop, Send, SendHead, Stall, Step, Wait

_KEEP_ALIVE_S = 0.2
_RATE_LIMIT = 1002
_UNKNOWN_ERROR = 1000
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the network</h1></body></html>\n"
_ELSEWHERE = "/elsewhere/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The facts about a request that an error needs."""

    trace: RequestTrace
    model: str
    stream: bool
    dialects: Collection[Dialect] = frozenset()


Replacement: TypeAlias = Callable[[Fault, RequestContext], Iterable[Step]]


def refuse(
    failure: ApiFailure, context: RequestContext, extra: Mapping[str, str] | None = None
) -> list[Step]:
    """Return the steps of a failure: an HTTP error, or HTTP 200 with ``base_resp`` for some codes."""
    if failure.status == HTTPStatus.OK:
        return _base_resp(failure, context)
    content_type, data = encode_error(failure, context.trace.id, context.dialects)
    return _whole_response(failure.status, content_type, data, context, extra)


def replacement_of(fault: Fault, context: RequestContext) -> Iterable[Step] | None:
    """Return the steps of a fault that replaces the whole answer; None for other faults."""
    if fault.kind in _ONLY_WITHOUT_STREAM and context.stream:
        return None
    replace = _REPLACEMENTS.get(fault.kind)
    return replace(fault, context) if replace else None


def error_event(fault: Fault, context: RequestContext) -> bytes:
    """Return the event of an error in a stream (FACTS.md, "Error bodies", "Other servers")."""
    failure = _failure(fault, context)
    if fault.kind is FaultKind.MID_ERROR:
        return encode_event(encode(build_stream_error(failure, code=str(failure.status))))
    return encode_event(encode_for_error(build_error_body(failure, context.trace.id)))


def _error_with_status_200(fault: Fault, context: RequestContext) -> list[Step]:
    match fault.kind:
        case FaultKind.OVERLOADED:
            error: Json = {"type": "overloaded_error", "message": "Overloaded"}
            data = encode({"type": "error", "error": error})
        case FaultKind.ERROR_FIELD:
            data = encode(
                {"code": 400, "message": "the prompt does not fit", "type": "invalid_request_error"}
            )
        case _:
            failure = _failure(fault, context)
            code = failure.status if fault.kind is FaultKind.ERROR else str(failure.status)
            data = encode(build_stream_error(failure, code=code))
    if not context.stream:
        return _whole_response(200, JSON, data, context)
    return _whole_response(200, EVENT_STREAM, _event_of_error(fault.kind, data), context)


def _event_of_error(kind: FaultKind, data: bytes) -> bytes:
    if kind is FaultKind.ERROR_FIELD:
        return b"error: " + data + b"\n\n" + encode_event(b"[DONE]")
    return (b"event: error\n" if kind is FaultKind.OVERLOADED else b"") + encode_event(data)


def _json_error(_fault: Fault, context: RequestContext) -> list[Step]:
    failure = failure_of_code(_UNKNOWN_ERROR, model=context.model, now=context.trace.now)
    return _whole_response(200, JSON, encode_for_error(build_error_body(failure, context.trace.id)), context)


def _failure(fault: Fault, context: RequestContext) -> ApiFailure:
    by_status = {FaultKind.STATUS, FaultKind.ERROR, FaultKind.MID_ERROR}
    find = failure_of_status if fault.kind in by_status else failure_of_code
    return find(fault.number, model=context.model, now=context.trace.now)


def _base_resp(failure: ApiFailure | None, context: RequestContext) -> list[Step]:
    body: Json = build_base_resp_body(failure, context.trace.id, model=context.model, now=context.trace.now)
    if context.stream:
        return _whole_response(
            200, EVENT_STREAM, encode_event(encode(body | {"object": "chat.completion.chunk"})), context
        )
    return _whole_response(200, JSON, encode(body), context)


def _retry_after(fault: Fault, context: RequestContext) -> list[Step]:
    delay, now = fault.number, context.trace.now
    headers = {
        FaultKind.RETRY_AFTER: {"Retry-After": str(delay)},
        FaultKind.RETRY_AFTER_DATE: {"Retry-After": formatdate(int(now) + delay, usegmt=True)},
        FaultKind.RETRY_AFTER_MS: {"retry-after-ms": str(delay)},
    }
    failure = failure_of_code(_RATE_LIMIT, model=context.model, now=now)
    return refuse(failure, context, headers[fault.kind])


def _comments(context: RequestContext) -> Iterator[Step]:
    # To keep an unstreamed request alive, servers send white space before the body.
    content_type, data = (EVENT_STREAM, b": keep-alive\n\n") if context.stream else (JSON, b"\n")
    yield SendHead(200, build_headers(context.trace, content_type, reached_model=True))
    while True:
        yield Send(data)
        yield Wait(_KEEP_ALIVE_S)


def _whole_response(
    status: int,
    content_type: str,
    data: bytes,
    context: RequestContext,
    extra: Mapping[str, str] | None = None,
) -> list[Step]:
    sent = build_headers(context.trace, content_type, reached_model=False) | dict(extra or {})
    return [SendHead(status, sent, len(data)), Send(data)]


def _refused(fault: Fault, context: RequestContext) -> list[Step]:
    return refuse(_failure(fault, context), context)


def _web_page(_fault: Fault, context: RequestContext) -> list[Step]:
    return _whole_response(200, "text/html; charset=utf-8", _PAGE, context)


def _nothing(_fault: Fault, context: RequestContext) -> list[Step]:
    return _whole_response(200, EVENT_STREAM if context.stream else JSON, b"", context)


def _redirect(_fault: Fault, context: RequestContext) -> list[Step]:
    return _whole_response(302, "text/plain", b"", context, {"Location": _ELSEWHERE})


_ONLY_WITHOUT_STREAM = frozenset({FaultKind.EVENT, FaultKind.MID_ERROR})
_REPLACEMENTS: Mapping[FaultKind, Replacement] = MappingProxyType(
    {
        FaultKind.STATUS: _refused,
        FaultKind.CODE: _refused,
        FaultKind.EVENT: _refused,
        FaultKind.BASE_RESP: lambda fault, context: _base_resp(_failure(fault, context), context),
        FaultKind.CHOICES_NULL: lambda _fault, context: _base_resp(None, context),
        FaultKind.JSON_ERROR: _json_error,
        FaultKind.ERROR: _error_with_status_200,
        FaultKind.MID_ERROR: _error_with_status_200,
        FaultKind.OVERLOADED: _error_with_status_200,
        FaultKind.ERROR_FIELD: _error_with_status_200,
        FaultKind.RETRY_AFTER: _retry_after,
        FaultKind.RETRY_AFTER_DATE: _retry_after,
        FaultKind.RETRY_AFTER_MS: _retry_after,
        FaultKind.HTML: _web_page,
        FaultKind.EMPTY: _nothing,
        FaultKind.REDIRECT: _redirect,
        FaultKind.REFUSE_LATE: lambda _fault, _context: [Drop()],
        FaultKind.HANG: lambda _fault, _context: [Stall()],
        FaultKind.COMMENTS: lambda _fault, context: _comments(context),
    }
)
