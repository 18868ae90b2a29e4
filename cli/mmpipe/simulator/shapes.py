"""Shape an answer as the bodies and chunks of the API, key for key (FACTS.md, "Chunks", "Whole answers")."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mmpipe.simulator.answers import Answer, PartKind
from mmpipe.simulator.call_pieces import CallPiece, whole_calls
from mmpipe.simulator.chat_request import ChatRequest
from mmpipe.simulator.deltas import Delta
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.envelopes import base_resp, sensitivity
from mmpipe.simulator.json_text import Json


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer on its way out."""

    id: str
    created: int
    request: ChatRequest
    answer: Answer
    deltas: Sequence[Delta]
    dialects: Collection[Dialect] = frozenset()


def whole_body(turn: Turn) -> Json:
    """Return the body of an answer that is not streamed."""
    # Only M3 has been seen to tell it (FACTS.md, "Whole answers").
    tier: Json = {"service_tier": "standard"} if turn.request.model.is_m3 else {}
    told: Json = {} if Dialect.NO_USAGE in turn.dialects else {"usage": usage(turn)}
    choice = _choice(turn.answer.finish_reason, "message", _message(turn))
    return _head(turn, [choice], "chat.completion") | told | sensitivity() | tier | {"base_resp": base_resp()}


def chunks(turn: Turn, deltas: Sequence[Delta]) -> list[Json]:
    """Return the chunks of the deltas; the last one finishes (FACTS.md, "The end of a stream", G1 and G2)."""
    finishes = [None] * (len(deltas) - 1) + [turn.answer.finish_reason]
    return [
        _head(turn, [_choice(finish, "delta", _delta(turn, delta))], "chat.completion.chunk")
        | {"usage": None}
        | sensitivity()
        for delta, finish in zip(deltas, finishes, strict=True)
    ]


def usage_chunk(turn: Turn) -> Json:
    """Return the chunk that ends a stream whose request asked for usage."""
    return _head(turn, [], "chat.completion.chunk") | {"usage": usage(turn), "base_resp": base_resp()}


def first_generation(turn: Turn, deltas: Sequence[Delta]) -> list[Json]:
    """Return the chunks of generation G0 (FACTS.md, "The end of a stream"): the last holds the whole message."""
    zero: Json = {"usage": {"total_tokens": 0, "total_characters": 0}}
    told: Json = {} if Dialect.NO_USAGE in turn.dialects else zero
    said = [_delta(turn, delta) for delta in deltas]
    said[1::2] = [said_then | {"role": ""} for said_then in said[1::2]]
    chunks_before = [
        _head(turn, [_choice(None, "delta", {"reasoning_content": ""} | saying)], "chat.completion.chunk")
        | told
        | sensitivity()
        for saying in said
    ]
    return [*chunks_before, whole_body(turn)]


def usage(turn: Turn) -> Json:
    """Return what is billed; only some models report the reasoning tokens (FACTS.md, "Usage")."""
    request, answer = turn.request, turn.answer
    completion = answer.tokens_of(*PartKind)
    told: Json = {
        "total_tokens": request.prompt_tokens + completion,
        "total_characters": 0,
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": completion,
    }
    if request.model.counts_reasoning and (reasoning := answer.tokens_of(PartKind.THINKING)):
        told["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    if request.cached_tokens:
        told["prompt_tokens_details"] = {"cached_tokens": request.cached_tokens}
    return told


def _head(turn: Turn, choices: list[Json], kind: str) -> Json:
    return {
        "id": turn.id,
        "choices": choices,
        "created": turn.created,
        "model": turn.request.model.name,
        "object": kind,
    }


def _choice(finish_reason: str | None, name: str, said: Json) -> Json:
    # A finish that is not there has no key, and its key comes first (FACTS.md, "Chunks").
    finish: Json = {"finish_reason": finish_reason} if finish_reason else {}
    return {**finish, "index": 0, name: said}


def _message(turn: Turn) -> Json:
    contents = "".join(delta.content or "" for delta in turn.deltas)
    reasoning = "".join(delta.reasoning or "" for delta in turn.deltas)
    message = _said(turn, Delta(contents, reasoning or None))
    if Dialect.LAST_FRAME_MESSAGE in turn.dialects:
        # Messages of that generation have it although there is no thinking beside the content, as its chunks do.
        message.setdefault("reasoning_content", "")
    calls = whole_calls([delta.call for delta in turn.deltas if delta.call])
    if calls:
        message["tool_calls"] = [_call(turn, call) for call in calls]
    return message


def _delta(turn: Turn, delta: Delta) -> Json:
    said = _said(turn, delta)
    if delta.call:
        said["tool_calls"] = [_call(turn, delta.call)]
    return said


def _said(turn: Turn, delta: Delta) -> Json:
    said: Json = {} if delta.content is None else {"content": delta.content}
    said["role"] = "assistant"
    if turn.request.split or not turn.request.model.tight_tags:
        said |= {"name": "MiniMax AI", "audio_content": ""}
    if delta.reasoning is not None:
        said["reasoning_content"] = delta.reasoning
    if delta.reasoning is not None and turn.request.split:
        said["reasoning_details"] = [_reasoning_detail(delta.reasoning)]
    return said


def _reasoning_detail(text: str) -> Json:
    return {
        "type": "reasoning.text",
        "id": "reasoning-text-1",
        "format": "MiniMax-response-v1",
        "index": 0,
        "text": text,
    }


def _call(turn: Turn, piece: CallPiece) -> Json:
    first = bool(piece.tool)
    call: Json = {"id": f"call_function_{_middle_of_id(turn)}_{piece.index + 1}"} if first else {}
    if first or piece.repeats_type:
        call["type"] = "function"
    named: Json = {"name": piece.tool} if first else {}
    call["function"] = named | {"arguments": piece.arguments}
    if Dialect.NO_INDEX not in turn.dialects:
        call["index"] = piece.index
    return call


def _middle_of_id(turn: Turn) -> str:
    # Parallel calls share these twelve characters, once ten digits (FACTS.md, "Tool calls").
    digest = hashlib.sha256(turn.id.encode())
    if Dialect.NO_INDEX in turn.dialects:
        return f"{int.from_bytes(digest.digest()) % 10**10:010}"
    return digest.hexdigest()[:12]
