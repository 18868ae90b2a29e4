"""Pieces of tool calls, and the calls that are assembled from them."""

import json
from collections.abc import Mapping, Sequence

from mmpipe.api.answer.call_assembler import CallAssembler
from mmpipe.api.answer.wire import decode
from mmpipe.core.calls import parse_calls
from mmpipe.core.events import Event, ToolCall

Piece = dict[str, object]
PARIS, ROME = '{"city":"Paris"}', '{"city":"Rome"}'


def piece(name: object = None, arguments: object = None, **fields: object) -> Piece:
    """A piece of a call; None leaves a field out."""
    function = {"name": name, "arguments": arguments}
    return {"function": {key: value for key, value in function.items() if value is not None}, **fields}


def assembled(deltas: Sequence[Mapping[str, object]], answer_id: str = "") -> list[ToolCall]:
    """The calls of these deltas."""
    assembler = CallAssembler()
    for delta in deltas:
        assembler.merge(delta)
    return list(parse_calls(assembler.fill_in({}, answer_id)))


def named(calls: Sequence[ToolCall]) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in calls]


def called(*deltas: list[Piece | None]) -> list[tuple[str, str]]:
    """Names and arguments of the calls in these deltas."""
    return named(assembled([{"tool_calls": pieces} for pieces in deltas]))


def whole_events(calls: object) -> list[Event]:
    message = {"content": None, "tool_calls": calls}
    choice = {"message": message, "finish_reason": "tool_calls"}
    return list(decode(json.dumps({"id": "0700", "choices": [choice]}).encode()))
