"""Answer a request: which path, who asks, what goes wrong, and what the model says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType

from mmpipe.simulator.answers import Answer, answer_to, cut_to, think_twice, without_thinking
from mmpipe.simulator.bodies import Body, body_of, halved
from mmpipe.simulator.breakage import broken, promised_length
from mmpipe.simulator.chat_request import ChatRequest, read_chat_request
from mmpipe.simulator.deltas import deltas_of
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import Failure, failure_of_code, failure_of_status, invalid_params
from mmpipe.simulator.faults import Fault, FaultKind
from mmpipe.simulator.headers import Trace, headers
from mmpipe.simulator.json_text import encode, parse
from mmpipe.simulator.models import model_list
from mmpipe.simulator.profile import Profile
from mmpipe.simulator.refusals import Asked, error_event, instead, refused
from mmpipe.simulator.shapes import Turn
from mmpipe.simulator.steps import Head, Send, Step
from mmpipe.simulator.validation import complaint_about, complaint_about_json

_METHODS: Mapping[str, str] = MappingProxyType({"/v1/chat/completions": "POST", "/v1/models": "GET"})
_NO_KEY = 1004
_OTHER_KEY = 2049
_TOO_MANY = 1002
_FINISHES: Mapping[FaultKind, str | None] = MappingProxyType(
    {FaultKind.NO_FINISH: None, FaultKind.LENGTH: "length", FaultKind.FILTER: "content_filter"}
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came."""

    method: str
    path: str
    authorization: str | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What is done about a request."""

    steps: Iterable[Step]
    fault: Fault | None = None


def respond(incoming: Incoming, profile: Profile, trace: Trace, *, admitted: bool) -> Response:
    """Decide on the whole answer; ``admitted`` says whether the rate limit lets the request in."""
    body, complaint = _read(incoming)
    asked = _asked(body, trace)
    failure = _turned_away(incoming, profile, asked, admitted=admitted)
    if failure:
        allowed = (
            {"Allow": _METHODS[incoming.path]} if failure.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        )
        return Response(refused(failure, asked, allowed))
    fault = next((fault for fault in profile.faults if fault.strikes(trace.number, profile.seed)), None)
    if fault and (steps := instead(fault, asked)) is not None:
        return Response(steps, fault)
    if incoming.method == "GET":
        return Response(_sent(halved(encode(model_list())), fault, asked, reached_model=False), fault)
    if complaint or not isinstance(body, dict):
        return Response(refused(invalid_params(complaint or ""), asked))
    answered = body_of(_turn(read_chat_request(body), profile, trace, fault))
    return Response(_sent(answered, fault, asked, reached_model=True), fault)


def _read(incoming: Incoming) -> tuple[object, str | None]:
    if incoming.method == "GET":
        return None, None
    try:
        body = parse(incoming.raw)
    except (ValueError, RecursionError) as error:
        return None, complaint_about_json(incoming.raw, error)
    return body, complaint_about(body)


def _asked(body: object, trace: Trace) -> Asked:
    known = body if isinstance(body, dict) else {}
    return Asked(trace, str(known.get("model", "")), known.get("stream") is True)


def _turned_away(incoming: Incoming, profile: Profile, asked: Asked, *, admitted: bool) -> Failure | None:
    method = _METHODS.get(incoming.path)
    if method != incoming.method:
        return failure_of_status(405 if method else 404, model=asked.model, now=asked.trace.now)
    code = _turned_away_code(incoming.authorization or "", profile.key)
    code = code or (None if admitted else _TOO_MANY)
    return failure_of_code(code, model=asked.model, now=asked.trace.now) if code else None


def _turned_away_code(authorization: str, key: str | None) -> int | None:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return _NO_KEY
    return _OTHER_KEY if key is not None and given.strip() != key else None


def _turn(request: ChatRequest, profile: Profile, trace: Trace, fault: Fault | None) -> Turn:
    answer = _answer(request, profile)
    if fault and fault.kind in _FINISHES:
        answer = replace(answer, finish_reason=_FINISHES[fault.kind])
    deltas = deltas_of(answer, request, profile.dialects)
    return Turn(trace.id, int(trace.now), request, answer, deltas, profile.dialects)


def _answer(request: ChatRequest, profile: Profile) -> Answer:
    answer = answer_to(request.conversation, request.model.name, tools=request.tools)
    if not request.thinks:
        answer = without_thinking(answer)
    if request.max_tokens is not None:
        answer = cut_to(answer, request.max_tokens)
    return think_twice(answer) if Dialect.SEVERAL_BLOCKS in profile.dialects and not request.split else answer


def _sent(body: Body, fault: Fault | None, asked: Asked, *, reached_model: bool) -> Iterable[Step]:
    kind = fault.kind if fault else None
    sent = headers(asked.trace, body.content_type, reached_model=reached_model)
    yield Head(200, sent, promised_length(body, kind))
    if fault and fault.kind is FaultKind.EVENT:
        yield from body.frames[: body.middle]
        yield Send(error_event(fault.number, asked))
    else:
        yield from broken(body, kind)
