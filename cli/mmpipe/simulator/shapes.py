"""Build the bodies and chunks of the API, in the captured order of keys (FACTS.md, "Chunks", "Whole answers")."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mmpipe.simulator.answers import PartKind, SimulatedAnswer
from mmpipe.simulator.call_pieces import CallPiece, join_calls
from mmpipe.simulator.chat_request import ChatRequest
from mmpipe.simulator.deltas import Delta
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import build_base_resp, build_sensitivity
from mmpipe.simulator.json_text import Json


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
    finishes = [None] * (len(deltas) - 1) + [turn.answer.finish_reason]
    return [
        _head(turn, [_choice(finish, "delta", _delta(turn, delta))], "chat.completion.chunk")
        | {"usage": None}
        | build_sensitivity()
        for delta, finish in zip(deltas, finishes, strict=True)
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
    chunks_before = [
        _head(turn, [_choice(None, "delta", {"reasoning_content": ""} | delta)], "chat.completion.chunk")
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


def _choice(finish_reason: str | None, name: str, fields: Json) -> Json:
    # Before the finish the key is absent, and later it comes first (FACTS.md, "Chunks").
    finish: Json = {"finish_reason": finish_reason} if finish_reason else {}
    return {**finish, "index": 0, name: fields}


def _message(turn: SimulatedTurn) -> Json:
    contents = "".join(delta.content or "" for delta in turn.deltas)
    reasoning = "".join(delta.reasoning or "" for delta in turn.deltas)
    message = _fields(turn, Delta(contents, reasoning or None))
    if Dialect.LAST_FRAME_MESSAGE in turn.dialects:
        # Messages and chunks of G0 have the field even without thinking beside the content.
        message.setdefault("reasoning_content", "")
    calls = join_calls([delta.call for delta in turn.deltas if delta.call])
    if calls:
        message["tool_calls"] = [_call(turn, call) for call in calls]
    return message


def _delta(turn: SimulatedTurn, delta: Delta) -> Json:
    fields = _fields(turn, delta)
    if delta.call:
        fields["tool_calls"] = [_call(turn, delta.call)]
    return fields


def _fields(turn: SimulatedTurn, delta: Delta) -> Json:
    fields: Json = {} if delta.content is None else {"content": delta.content}
    fields["role"] = "assistant"
    if turn.request.split or not turn.request.model.tight_tags:
        fields |= {"name": "MiniMax AI", "audio_content": ""}
    if delta.reasoning is not None:
        fields["reasoning_content"] = delta.reasoning
    if delta.reasoning is not None and turn.request.split:
        fields["reasoning_details"] = [_reasoning_detail(delta.reasoning)]
    return fields


def _reasoning_detail(text: str) -> Json:
    return {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": text,
    }


def _call(turn: SimulatedTurn, piece: CallPiece) -> Json:
    first = bool(piece.tool)
    call: Json = {"id": f"call_function_{_middle_of_id(turn)}_{piece.index + 1}"} if first else {}
    if first or piece.repeats_type:
        call["type"] = "function"
    named: Json = {"name": piece.tool} if first else {}
    call["function"] = named | {"arguments": piece.arguments}
    if Dialect.NO_INDEX not in turn.dialects:
        call["index"] = piece.index
    return call


def _middle_of_id(turn: SimulatedTurn) -> str:
    # Parallel calls share twelve characters, or ten digits in early M2 (FACTS.md, "Tool calls").
    digest = hashlib.sha256(turn.id.encode())
    if Dialect.NO_INDEX in turn.dialects:
        return f"{int.from_bytes(digest.digest()) % 10**10:010}"
    return digest.hexdigest()[:12]
