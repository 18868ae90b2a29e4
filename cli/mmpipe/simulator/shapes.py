"""Build the bodies and chunks of the API, in the captured order of keys (FACTS.md, "Chunks", "Whole answers")."""

import hashlib
from collections.abc import Collection, Sequence

from mmpipe.dataclass import dataclass
from mmpipe.simulator.answers import PartKind, SimulatedAnswer
from mmpipe.simulator.call_pieces import CallPiece, shape_arguments, whole_calls
from mmpipe.simulator.chat_request import ChatRequest
from mmpipe.simulator.deltas import Delta
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import build_base_resp, build_sensitivity
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.thinking_fields import build_content, build_reasoning


@dataclass(frozen=True, slots=True)
class SimulatedTurn:
    """One answer, with everything that its bodies need."""

    id: str
    created: int
    request: ChatRequest
    answer: SimulatedAnswer
    deltas: Sequence[Delta]
    dialects: Collection[Dialect] = frozenset()


def build_body(turn: SimulatedTurn) -> Json:
    """Return the body of an unstreamed answer."""
    # Only M3 reports its tier (FACTS.md, "Whole answers").
    tier: Json = {"service_tier": "standard"} if turn.request.model.is_m3 else {}
    counted: Json = {} if Dialect.NO_USAGE in turn.dialects else {"usage": build_usage(turn)}
    choice = _choice(turn.answer.finish_reason, "message", _message(turn))
    return (
        _head(turn, [choice], "chat.completion")
        | counted
        | build_sensitivity()
        | tier
        | {"base_resp": build_base_resp()}
    )


def build_chunks(turn: SimulatedTurn, deltas: Sequence[Delta]) -> list[Json]:
    """Return the chunks of generations G1 and G2, the last with the finish reason (FACTS.md, "The end of a stream")."""
    finishes = [_reason_before_end(turn)] * (len(deltas) - 1) + [turn.answer.finish_reason]
    choices = [
        _choice(finish, "delta", _delta(turn, delta)) for delta, finish in zip(deltas, finishes, strict=True)
    ]
    if Dialect.USAGE_IN_CHOICE in turn.dialects and Dialect.NO_USAGE not in turn.dialects:
        choices[-1] |= {"usage": build_usage(turn)}
    return [
        _head(turn, [choice], "chat.completion.chunk") | {"usage": None} | build_sensitivity()
        for choice in choices
    ]


def build_usage_chunk(turn: SimulatedTurn) -> Json:
    """Return the last chunk of a stream whose request asked for usage."""
    return _head(turn, [], "chat.completion.chunk") | {
        "usage": build_usage(turn),
        "base_resp": build_base_resp(),
    }


def build_g0_chunks(turn: SimulatedTurn, deltas: Sequence[Delta]) -> list[Json]:
    """Return the chunks of generation G0 (FACTS.md, "The end of a stream"): the last holds the whole message."""
    zero: Json = {"usage": {"total_tokens": 0, "total_characters": 0}}
    counted: Json = {} if Dialect.NO_USAGE in turn.dialects else zero
    fields = [_delta(turn, delta) for delta in deltas]
    fields[1::2] = [delta | {"role": ""} for delta in fields[1::2]]
    early = _reason_before_end(turn)
    chunks_before = [
        _head(turn, [_choice(early, "delta", {"reasoning_content": ""} | delta)], "chat.completion.chunk")
        | counted
        | build_sensitivity()
        for delta in fields
    ]
    return [*chunks_before, build_body(turn)]


def build_usage(turn: SimulatedTurn) -> Json:
    """Return the usage; only some models report the reasoning tokens (FACTS.md, "Usage")."""
    request, answer = turn.request, turn.answer
    completion = answer.tokens_of(*PartKind)
    counted: Json = {
        "total_tokens": request.prompt_tokens + completion,
        "total_characters": 0,
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": completion,
    }
    if request.model.counts_reasoning and (reasoning := answer.tokens_of(PartKind.THINKING)):
        counted["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    if request.cached_tokens:
        counted["prompt_tokens_details"] = {"cached_tokens": request.cached_tokens}
    return counted


def _head(turn: SimulatedTurn, choices: list[Json], kind: str) -> Json:
    return {
        "id": turn.id,
        "choices": choices,
        "created": turn.created,
        "model": turn.request.model.name,
        "object": kind,
    }


def _reason_before_end(turn: SimulatedTurn) -> str | None:
    if Dialect.FINISH_EACH in turn.dialects and turn.answer.finish_reason:
        return "stop"
    if Dialect.NULL_REASON in turn.dialects:
        return "null"
    return "" if Dialect.EMPTY_REASON in turn.dialects else None


def _choice(finish_reason: str | None, name: str, fields: Json) -> Json:
    # Before the finish the key is absent, and later it comes first (FACTS.md, "Chunks").
    finish: Json = {} if finish_reason is None else {"finish_reason": finish_reason}
    # Routers put the failure behind this reason beside it (FACTS.md, "Other servers").
    error: Json = {"error": {"code": 502, "message": "simulated failure"}} if finish_reason == "error" else {}
    return {**finish, "index": 0, name: fields, **error}


def _message(turn: SimulatedTurn) -> Json:
    contents = "".join(delta.content or "" for delta in turn.deltas)
    reasoning = "".join(delta.reasoning or "" for delta in turn.deltas)
    message = _fields(turn, Delta(contents, reasoning or None, sealed=True))
    if Dialect.LAST_FRAME_MESSAGE in turn.dialects:
        # Messages and chunks of G0 have the field even without thinking beside the content.
        message.setdefault("reasoning_content", "")
    calls = whole_calls([part for part in turn.answer.parts if part.kind is PartKind.CALL])
    if calls:
        message["tool_calls"] = [_call(turn, call) for call in calls]
    return message


def _delta(turn: SimulatedTurn, delta: Delta) -> Json:
    fields = _fields(turn, delta)
    if delta.call:
        fields["tool_calls"] = [_call(turn, delta.call)]
    return fields


def _fields(turn: SimulatedTurn, delta: Delta) -> Json:
    if turn.answer.refused:
        fields: Json = {"content": None, "refusal": delta.content}
    else:
        fields = build_content(delta.content, delta.reasoning, turn.dialects)
    fields["role"] = "assistant"
    if turn.request.split or not turn.request.model.tight_tags:
        fields |= {"name": "MiniMax AI", "audio_content": ""}
    if delta.reasoning is not None:
        fields |= build_reasoning(
            delta.reasoning, turn.dialects, split=turn.request.split, sealed=delta.sealed
        )
    return fields


def _call(turn: SimulatedTurn, piece: CallPiece) -> Json:
    first = bool(piece.tool)
    call: Json = {"id": _id_of_call(turn, piece)} if first else {}
    if first or piece.repeats_type:
        call["type"] = "function"
    named: Json = {"name": piece.tool} if first else {}
    call["function"] = named | {"arguments": shape_arguments(piece.arguments, turn.dialects)}
    if Dialect.NO_INDEX not in turn.dialects:
        call["index"] = 0 if Dialect.SAME_INDEX in turn.dialects else piece.index
    return call


def _id_of_call(turn: SimulatedTurn, piece: CallPiece) -> str:
    if Dialect.EMPTY_IDS in turn.dialects:
        return ""
    number = 1 if Dialect.REPEATED_IDS in turn.dialects else piece.index + 1
    return f"call_function_{_middle_of_id(turn)}_{number}"


def _middle_of_id(turn: SimulatedTurn) -> str:
    # Parallel calls share twelve characters, or ten digits in early M2 (FACTS.md, "Tool calls").
    digest = hashlib.sha256(turn.id.encode())
    if Dialect.NO_INDEX in turn.dialects:
        return f"{int.from_bytes(digest.digest()) % 10**10:010}"
    return digest.hexdigest()[:12]
