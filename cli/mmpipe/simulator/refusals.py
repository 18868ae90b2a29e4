"""The answers without a model: errors, and faults that replace the whole answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from mmpipe.simulator.bodies import EVENT_STREAM, JSON, encode_event
from mmpipe.simulator.envelopes import (
    ApiFailure,
    build_base_resp_body,
    build_error_body,
    failure_of_code,
    failure_of_status,
)
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


def refuse(
    failure: ApiFailure, context: RequestContext, extra: Mapping[str, str] | None = None
) -> list[Step]:
    """Return the steps of a failure: an HTTP error, or HTTP 200 with ``base_resp`` for some codes."""
    if failure.status == HTTPStatus.OK:
        return _base_resp(failure, context)
    data = encode_for_error(build_error_body(failure, context.trace.id))
    return _whole_response(failure.status, JSON, data, context, extra)


def replacement_of(fault: Fault, context: RequestContext) -> list[Step] | Iterator[Step] | None:
    """Return the steps of a fault that replaces the whole answer; None for other faults."""
    match fault.kind:
        case (
            FaultKind.STATUS
            | FaultKind.CODE
            | FaultKind.BASE_RESP
            | FaultKind.CHOICES_NULL
            | FaultKind.JSON_ERROR
        ):
            return _failed_answer(fault, context)
        case FaultKind.EVENT if not context.stream:
            return refuse(_failure(fault, context), context)
        case FaultKind.RETRY_AFTER | FaultKind.RETRY_AFTER_DATE:
            return _retry_after(fault, context)
        case FaultKind.HTML:
            return _whole_response(200, "text/html; charset=utf-8", _PAGE, context)
        case FaultKind.EMPTY:
            return _whole_response(200, EVENT_STREAM if context.stream else JSON, b"", context)
        case FaultKind.REDIRECT:
            return _whole_response(302, "text/plain", b"", context, {"Location": _ELSEWHERE})
        case FaultKind.REFUSE_LATE:
            return [Drop()]
        case FaultKind.HANG:
            return [Stall()]
        case FaultKind.COMMENTS:
            return _comments(context)
        case _:
            return None


def error_event(code: int, context: RequestContext) -> bytes:
    """Return the event of an error in a stream (FACTS.md, "Error bodies")."""
    failure = failure_of_code(code, model=context.model, now=context.trace.now)
    return encode_event(encode_for_error(build_error_body(failure, context.trace.id)))


def _failed_answer(fault: Fault, context: RequestContext) -> list[Step]:
    match fault.kind:
        case FaultKind.BASE_RESP:
            return _base_resp(_failure(fault, context), context)
        case FaultKind.CHOICES_NULL:
            return _base_resp(None, context)
        case FaultKind.JSON_ERROR:
            failure = failure_of_code(_UNKNOWN_ERROR, model=context.model, now=context.trace.now)
            return _whole_response(
                200, JSON, encode_for_error(build_error_body(failure, context.trace.id)), context
            )
        case _:
            return refuse(_failure(fault, context), context)


def _failure(fault: Fault, context: RequestContext) -> ApiFailure:
    find = failure_of_status if fault.kind is FaultKind.STATUS else failure_of_code
    return find(fault.number, model=context.model, now=context.trace.now)


def _base_resp(failure: ApiFailure | None, context: RequestContext) -> list[Step]:
    body: Json = build_base_resp_body(failure, context.trace.id, model=context.model, now=context.trace.now)
    if context.stream:
        return _whole_response(
            200, EVENT_STREAM, encode_event(encode(body | {"object": "chat.completion.chunk"})), context
        )
    return _whole_response(200, JSON, encode(body), context)


def _retry_after(fault: Fault, context: RequestContext) -> list[Step]:
    seconds, now = fault.number, context.trace.now
    value = (
        str(seconds) if fault.kind is FaultKind.RETRY_AFTER else formatdate(int(now) + seconds, usegmt=True)
    )
    return refuse(failure_of_code(_RATE_LIMIT, model=context.model, now=now), context, {"Retry-After": value})


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
