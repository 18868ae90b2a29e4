"""Reads the messages that other programs write: converts what is certain, and refuses the rest by name; pure.

No text may be lost: a server ignores a field that it does not know.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypeGuard

from mmpipe.core.calls import create_call_id
from mmpipe.core.events import Message
from mmpipe.errors import InputError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import format_json
from mmpipe.text.visible import one_line

# The speakers of ShareGPT's turns, and of its descendants.
_ROLES: Final = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
}
_RESULTS: Final = ("observation", "tool")
_SPEAKERS: Final = "human, gpt, system, function_call and observation are known"
# Fields in which other programs keep the text of a message, and parts of Anthropic's form.
_TEXT_FIELDS: Final = ("value", "text", "parts", "message")
_FOREIGN_PARTS: Final = frozenset({"tool_use", "tool_result"})


def is_turn(value: object) -> bool:
    """Return True for a turn of ShareGPT: `{"from": "human", "value": "..."}`."""
    return isinstance(value, dict) and "from" in value and "value" in value and "role" not in value


def read_messages(values: Sequence[object]) -> tuple[Message, ...]:
    """Return the messages of a conversation, whose turns may be ShareGPT's. Raises InputError with the number of a bad one."""
    if values and is_turn(values[0]):
        return tuple(convert_turns(values))
    messages: list[Message] = []
    for number, value in enumerate(values, 1):
        if not (isinstance(value, dict) and isinstance(value.get("role"), str)):
            raise InputError(f"message {number} is not an object with a role")
        messages.append(value)
    check_forms(messages)
    return tuple(messages)


def read_system(value: object, prefix: str = "") -> tuple[Message, ...]:
    """Return the system message that stands beside messages, as data sets and Anthropic's requests have it; an empty one is none.

    A list of parts of text is joined by blank lines. Raises InputError, which begins with `prefix`, for anything else.
    """
    parts = value if isinstance(value, list) else [] if value is None else [{"type": "text", "text": value}]
    texts = [part["text"] for part in parts if _is_text(part)]
    if len(texts) < len(parts):
        shown = one_line(format_json(value), 60)
        raise InputError(f"{prefix}its system is {shown}: it must be a string, or a list of text parts")
    text = "\n\n".join(texts)
    return ({"role": "system", "content": text},) if text.strip() else ()


def convert_turns(turns: Sequence[object], prefix: str = "") -> Iterator[Message]:
    """Yield the messages of ShareGPT's turns, also with calls and their results as LLaMA-Factory has them.

    Raises InputError, which begins with `prefix`, for turns of unknown meaning.
    """
    waiting = deque[str]()
    for number, turn in enumerate(turns, 1):
        place = f"{prefix}turn {number}"
        value = turn.get("value") if isinstance(turn, dict) and is_turn(turn) else None
        if not isinstance(turn, dict) or not isinstance(value, str):
            raise InputError(f"{place} is not an object with from and a value that is text")
        speaker = turn["from"]
        if speaker in _RESULTS:
            if not waiting:
                raise InputError(f"{place} is a result, and no call before it waits for one")
            yield {"role": "tool", "tool_call_id": waiting.popleft(), "content": value}
            continue
        if waiting:
            raise InputError(f"{place} comes before the result of the call in the turn before it")
        if speaker == "function_call":
            message, waiting = _convert_call(value, place)
            yield message
        elif isinstance(speaker, str) and speaker in _ROLES:
            yield {"role": _ROLES[speaker], "content": value}
        else:
            raise InputError(f"{place} is from {one_line(repr(speaker), 60)}: {_SPEAKERS}")


def check_forms(messages: Sequence[Message], prefix: str = "") -> None:
    """Raise InputError, which begins with `prefix`, for the first message with text or calls where no server reads them."""
    for number, message in enumerate(messages, 1):
        if (fault := _find_fault(message)) is not None:
            raise InputError(f"{prefix}message {number} {fault}")


def adapt_message(message: Message) -> Message:
    """Return `message` in OpenAI's older form, which all servers read; the same object if there is nothing to change.

    The role `developer` becomes `system`. The text of a part that LLaMA-Factory keeps under `value` gets its usual name.
    A result that is an object becomes JSON text.
    """
    adapted = {**message, "role": "system"} if message.get("role") == "developer" else message
    content = message.get("content")
    if isinstance(content, dict) and message.get("role") == "tool":
        return {**message, "content": format_json(content)}
    if not isinstance(content, list) or not any(map(_is_text_by_value, content)):
        return adapted
    return {**adapted, "content": [_name_text(part) for part in content]}


def _find_fault(message: Message) -> str | None:
    has_calls = bool(message.get("tool_calls"))
    if (message.get("function_call") and not has_calls) or message.get("role") == "function":
        return "has a call in the form before tool_calls, which servers no longer read"
    content = message.get("content")
    if content is None and not has_calls and (names := [name for name in _TEXT_FIELDS if message.get(name)]):
        return f"has no content, where its text is expected, but {names[0]}"
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        kind = one_line(str(part.get("type")), 60)
        if kind in _FOREIGN_PARTS:
            return f"has a part of Anthropic's form, {kind}: expected are tool_calls, and results with the role tool"
        if isinstance(part.get("value"), str) and not _is_text_by_value(part) and kind not in part:
            return f"has a part {kind} with a value, which no server reads"
    return None


def _is_text(part: object) -> TypeGuard[dict[str, str]]:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _is_text_by_value(part: object) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") == "text"
        and "text" not in part
        and isinstance(part.get("value"), str)
    )


def _name_text(part: object) -> object:
    if not isinstance(part, dict) or not _is_text_by_value(part):
        return part
    return {"text" if key == "value" else key: value for key, value in part.items()}


def _convert_call(text: str, place: str) -> tuple[Message, deque[str]]:
    """Return the message with the calls in `text`, an object or an array of objects, and the ids of the calls."""
    try:
        value = strict_json.loads(text)
    except ValueError as error:
        raise InputError(f"{place} is a call that is not JSON: {one_line(str(error), 100)}") from error
    calls = []
    for index, call in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(call, dict) or not isinstance(call.get("name"), str) or "arguments" not in call:
            raise InputError(f"{place} is a call without a name and arguments")
        function = {"name": call["name"], "arguments": call["arguments"]}
        calls.append({"id": create_call_id([place, index], ()), "type": "function", "function": function})
    return {"role": "assistant", "content": "", "tool_calls": calls}, deque(str(call["id"]) for call in calls)
