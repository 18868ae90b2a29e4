"""Plan the answer to a request: check path and key, choose a fault, and derive the words of the model."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType

from mmpipe.dataclass import dataclass
from mmpipe.simulator.answers import SimulatedAnswer, derive_answer, think_twice, truncate, without_thinking
from mmpipe.simulator.bodies import Body, encode_answer, split_body
from mmpipe.simulator.breakage import break_body, content_length_of
from mmpipe.simulator.chat_request import ChatRequest, read_chat_request
from mmpipe.simulator.deltas import make_deltas
from mmpipe.simulator.dialects import SPLITTING, Dialect
from mmpipe.simulator.envelopes import ApiFailure, failure_of_code, failure_of_status, invalid_params
from mmpipe.simulator.faults import Fault, FaultKind
from mmpipe.simulator.headers import RequestTrace, build_headers
from mmpipe.simulator.json_text import encode, parse
from mmpipe.simulator.models import build_model_list
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.refusals import RequestContext, error_event, refuse, replacement_of
from mmpipe.simulator.shapes import SimulatedTurn
from mmpipe.simulator.steps import Send, SendHead, Step
from mmpipe.simulator.transport import encode_transfer
from mmpipe.simulator.validation import describe_syntax_error, find_violation

_METHODS: Mapping[str, str] = MappingProxyType({"/v1/chat/completions": "POST", "/v1/models": "GET"})
_NO_KEY = 1004
_WRONG_KEY = 2049
_RATE_LIMIT = 1002
_FINISHES: Mapping[FaultKind, str | None] = MappingProxyType(
    {FaultKind.NO_FINISH: None, FaultKind.LENGTH: "length", FaultKind.FILTER: "content_filter"}
)
_ERRORS_IN_THE_MIDDLE = frozenset({FaultKind.EVENT, FaultKind.MID_ERROR})


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request, before anything is checked but its host and size: it is refused with the status `refused_with`, if any."""

    method: str
    path: str
    authorization: str | None
    raw: bytes
    refused_with: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedResponse:
    """The steps of the answer to a request, and the fault that changed them."""

    steps: Iterable[Step]
    fault: Fault | None = None


def respond(
    incoming: ReceivedRequest, profile: SimulatorProfile, trace: RequestTrace, *, admitted: bool
) -> PlannedResponse:
    """Plan the whole answer; ``admitted`` is False if the request is over the rate limit."""
    response = _plan(incoming, profile, trace, admitted=admitted)
    return replace(response, steps=encode_transfer(response.steps, profile.dialects))


def _plan(
    incoming: ReceivedRequest, profile: SimulatorProfile, trace: RequestTrace, *, admitted: bool
) -> PlannedResponse:
    body, violation = _read(incoming)
    context = _context_of(body, trace, profile.dialects)
    failure = _refusal(incoming, profile, context, admitted=admitted) or _unknown_field(body, context)
    if failure:
        allowed = (
            {"Allow": _METHODS[incoming.path]} if failure.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        )
        return PlannedResponse(refuse(failure, context, allowed))
    fault = next((fault for fault in profile.faults if fault.hits(trace.number, profile.seed)), None)
    if fault and (steps := replacement_of(fault, context)) is not None:
        return PlannedResponse(steps, fault)
    if incoming.method == "GET":
        return PlannedResponse(
            _send(split_body(encode(build_model_list())), fault, context, reached_model=False), fault
        )
    if violation or not isinstance(body, dict):
        return PlannedResponse(refuse(invalid_params(violation or ""), context))
    request = replace(read_chat_request(body), stream=context.stream)
    answered = encode_answer(_turn(request, profile, trace, fault))
    return PlannedResponse(_send(answered, fault, context, reached_model=True), fault)


def _read(incoming: ReceivedRequest) -> tuple[object, str | None]:
    if incoming.method == "GET":
        return None, None
    try:
        body = parse(incoming.raw)
    except (ValueError, RecursionError) as error:
        return None, describe_syntax_error(incoming.raw, error)
    return body, find_violation(body)


def _context_of(body: object, trace: RequestTrace, dialects: Collection[Dialect]) -> RequestContext:
    known = body if isinstance(body, dict) else {}
    wanted = known.get("stream") is True or (bool(known) and Dialect.ALWAYS_STREAM in dialects)
    stream = wanted and Dialect.NEVER_STREAM not in dialects
    return RequestContext(trace, str(known.get("model", "")), stream, dialects)


def _refusal(
    incoming: ReceivedRequest, profile: SimulatorProfile, context: RequestContext, *, admitted: bool
) -> ApiFailure | None:
    if incoming.refused_with is not None:
        return failure_of_status(incoming.refused_with, model=context.model, now=context.trace.now)
    method = _METHODS.get(incoming.path)
    if method != incoming.method:
        return failure_of_status(405 if method else 404, model=context.model, now=context.trace.now)
    keyless = Dialect.NO_KEY in profile.dialects and incoming.authorization is None
    code = None if keyless else _code_of_refusal(incoming.authorization or "", profile.key)
    code = code or (None if admitted else _RATE_LIMIT)
    return failure_of_code(code, model=context.model, now=context.trace.now) if code else None


def _unknown_field(body: object, context: RequestContext) -> ApiFailure | None:
    if Dialect.NO_REASONING_SPLIT not in context.dialects or not isinstance(body, dict):
        return None
    message = "Unrecognized request argument supplied: reasoning_split"
    return ApiFailure(None, 400, "invalid_request_error", message) if "reasoning_split" in body else None


def _code_of_refusal(authorization: str, key: str | None) -> int | None:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return _NO_KEY
    return _WRONG_KEY if key is not None and given.strip() != key else None


def _turn(
    request: ChatRequest, profile: SimulatorProfile, trace: RequestTrace, fault: Fault | None
) -> SimulatedTurn:
    if SPLITTING & profile.dialects:
        request = replace(request, split=True)
    answer = _answer(request, profile)
    if fault:
        answer = _spoil(answer, fault)
    deltas = make_deltas(answer, request, profile.dialects)
    return SimulatedTurn(trace.id, int(trace.now), request, answer, deltas, profile.dialects)


def _spoil(answer: SimulatedAnswer, fault: Fault) -> SimulatedAnswer:
    """Return the answer that a fault makes of it."""
    match fault.kind:
        case FaultKind.FINISH:
            return replace(answer, finish_reason=fault.reason)
        case FaultKind.REFUSAL:
            return replace(without_thinking(answer), refused=True)
        case FaultKind.BLANK:
            return SimulatedAnswer((), "stop")
        case kind if kind in _FINISHES:
            return replace(answer, finish_reason=_FINISHES[kind])
        case _:
            return answer


def _answer(request: ChatRequest, profile: SimulatorProfile) -> SimulatedAnswer:
    answer = derive_answer(request.conversation, request.model.name, request.form)
    if not request.thinks:
        answer = without_thinking(answer)
    if request.max_tokens is not None:
        answer = truncate(answer, request.max_tokens)
    return think_twice(answer) if Dialect.SEVERAL_BLOCKS in profile.dialects and not request.split else answer


def _send(body: Body, fault: Fault | None, context: RequestContext, *, reached_model: bool) -> Iterable[Step]:
    kind = fault.kind if fault else None
    sent = build_headers(context.trace, body.content_type, reached_model=reached_model)
    yield SendHead(200, sent, content_length_of(body, kind))
    if fault and fault.kind in _ERRORS_IN_THE_MIDDLE:
        yield from body.frames[: body.middle]
        yield Send(error_event(fault, context))
    else:
        yield from break_body(body, kind)
