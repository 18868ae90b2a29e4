"""Refuse conversations that the API refuses (FACTS.md, "Refused requests")."""

from collections.abc import Iterator, Sequence
from typing import cast

from mmpipe.simulator.json_text import Json, parse, type_name
from mmpipe.simulator.models import SimulatedModel

_ROLES = frozenset({"system", "user", "assistant", "tool"})


def check_messages(messages: Sequence[object], model: SimulatedModel) -> Iterator[str]:
    """Return the errors in the messages, in the order in which the API finds them."""
    for message in messages:
        yield from _check_message(message, model)
    checked = cast("Sequence[Json]", messages)
    yield from _check_system(checked, model)
    yield from _check_tools(checked)


def _check_message(message: object, model: SimulatedModel) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f"Mismatch type openai.ChatMessage with value {type_name(message)}"
        return
    role = message.get("role")
    if role not in _ROLES and not (role == "root" and model.is_m3):
        yield f"chat content has invalid message role: {role or ''}"
    content = message.get("content")
    if content is None and role != "assistant":
        yield "chat content is empty"
    if type_name(content) not in {"string", "array", "null"}:
        yield f"Mismatch type string with value {type_name(content)}"
    yield from _check_calls(message.get("tool_calls"))


def _check_calls(calls: object) -> Iterator[str]:
    if type_name(calls) not in {"array", "null"}:
        yield f"Mismatch type []openai.ToolCall with value {type_name(calls)}"
    for call in calls if isinstance(calls, list) else ():
        if not isinstance(call, dict):
            yield f"Mismatch type openai.ToolCall with value {type_name(call)}"
        elif not isinstance(call.get("id"), str) or not call["id"]:
            yield "tool call id is invalid"


def _check_system(messages: Sequence[Json], model: SimulatedModel) -> Iterator[str]:
    # The official verifier expects M3 to take system messages anywhere.
    places = [place for place, message in enumerate(messages) if message["role"] == "system"]
    if model.is_m3 or places in ([], [0]):
        return
    yield "invalid chat setting" if len(places) > 1 else "chat content has invalid message role: system"


def _check_tools(messages: Sequence[Json]) -> Iterator[str]:
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            yield from _check_result(message, waiting)
            continue
        if waiting:
            yield "tool call and result not match"
        waiting = []
        for call in _calls(message):
            yield from _check_arguments(call)
            waiting.append(str(call.get("id")))
    if waiting:
        yield "tool call and result not match"


def _check_result(message: Json, waiting: list[str]) -> Iterator[str]:
    name = message.get("tool_call_id")
    if not isinstance(name, str) or not name:
        yield "tool call id is invalid"
    elif name not in waiting:
        yield f"tool result's tool id({name}) not found"
    else:
        waiting.remove(name)


def _check_arguments(call: Json) -> Iterator[str]:
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    try:
        parse(arguments.encode(errors="replace") if isinstance(arguments, str) else b"")
    except (ValueError, RecursionError):
        yield f"invalid function arguments json string, tool_call_id: {call.get('id')}"


def _calls(message: Json) -> list[Json]:
    # `_check_message` has made sure that these are objects.
    return cast("list[Json]", message.get("tool_calls") or [])
