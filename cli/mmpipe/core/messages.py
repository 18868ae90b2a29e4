"""Checks and prepares the messages of a conversation for the service; pure."""

import operator
import re
from collections.abc import Iterator, Sequence

from mmpipe.core.attachments import check_sizes
from mmpipe.core.calls import (
    find_open_calls,
    find_unanswered_calls,
    format_arguments,
    format_calls,
    parse_calls,
    quote_arguments,
)
from mmpipe.core.catalogue import find_model, load_models
from mmpipe.core.events import Message, ToolCall
from mmpipe.core.message_forms import adapt_message
from mmpipe.errors import InputError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import format_valid_json, has_lone_surrogate
from mmpipe.text.visible import one_line

# Beginnings of the types and members of parts that are no text; Gemini has `inlineData`. And fields beside the content:
# OpenRouter's images, OpenAI's sound.
_MEDIA = re.compile(
    r"(?:input_|output_)?(?:image|audio|video|file|document|media|inline_?data)", re.IGNORECASE
)
_MEDIA_FIELDS = ("images", "audio", "videos")


def is_system(message: Message) -> bool:
    """Return True for a system message; OpenAI's newer models call its role `developer`."""
    return message.get("role") in ("system", "developer")


def drop_open_calls(messages: Sequence[Message]) -> Sequence[Message]:
    """Return `messages` without a last turn whose calls have no results, so that a new prompt can follow."""
    if not find_open_calls(messages):
        return messages
    last = max(number for number, message in enumerate(messages) if message.get("role") == "assistant")
    return messages[:last]


def awaits_answer(messages: Sequence[Message]) -> bool:
    """Return True if the last message is of the user and not empty, or the result of a call.

    A system message after it says how to answer.
    """
    last = next((message for message in reversed(messages) if not is_system(message)), {})
    content = last.get("content")
    is_empty = not content or (isinstance(content, str) and content.isspace())
    return last.get("role") == "tool" or (last.get("role") == "user" and not is_empty)


def check_question(messages: Sequence[Message]) -> None:
    """Raise InputError unless the messages of a request are whole and wait for an answer."""
    check_results(messages)
    if calls := find_unanswered_calls(messages):
        raise InputError(f"the result of {format_calls(calls)} is missing")
    if not awaits_answer(messages):
        role = one_line(str(messages[-1].get("role")), 60)
        what = "is empty" if role == "user" else f"is of the role {role}"
        raise InputError(f"nothing waits for an answer: its last message {what}")


def check_results(messages: Sequence[Message], place: str = "") -> None:
    """Raise InputError for the first message that breaks the order of calls and results; `place` begins the error.

    The service refuses such messages (FACTS.md, "Refused requests"). Calls at the end may still lack their results.
    """
    waiting: dict[str, ToolCall] = {}
    for number, message in enumerate(messages, 1):
        if message.get("role") == "tool":
            identity = str(message.get("tool_call_id", ""))
            if waiting.pop(identity, None) is None:
                raise InputError(f"{place}message {number} is the result of a missing call: {identity!r}")
            continue
        if waiting:
            raise InputError(
                f"{place}message {number} comes before the result of {format_calls(waiting.values())}"
            )
        waiting = {call.id: call for call in parse_calls(message)}


def check_parts(messages: Sequence[Message], model: str) -> None:
    """Raise InputError for parts that a known model does not accept (FACTS.md, "Images and videos").

    Answers are sent as they came.
    """
    parts = [
        part
        for message in messages
        if message.get("role") != "assistant" and isinstance(content := message.get("content"), list)
        for part in content
    ]
    kinds = {str(part.get("type")) for part in parts if isinstance(part, dict)} - {"text"}
    known = find_model(model) if kinds else None
    if known is None:
        return
    if refused := kinds - known.parts:
        other = next((model.id for model in load_models() if refused <= model.parts), None)
        remedy = "" if other is None else f"{other} does"
        raise InputError(f"{known.id} does not accept {', '.join(sorted(refused))}", hint=remedy)
    check_sizes(messages, known.id)


def repair_surrogates(message: Message) -> Message:
    """Return `message` with U+FFFD for each lone surrogate: no request may hold one, and some answers do."""
    if not has_lone_surrogate(message):
        return message
    replaced = strict_json.loads(format_valid_json(message))
    return replaced if isinstance(replaced, dict) else message


def is_refusal(message: Message) -> bool:
    """Return True if the model refused to answer: by the field `refusal`, or by a part of the content."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    return bool(message.get("refusal")) or any(
        isinstance(part, dict) and (part.get("type") == "refusal" or part.get("refusal")) for part in parts
    )


def has_other_part(message: Message) -> bool:
    """Return True if the answer has an image, a sound or a file: as a part of the content, or in a field of its own."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    return any(message.get(name) for name in _MEDIA_FIELDS) or any(
        isinstance(part, dict)
        and not part.get("text")
        and any(_MEDIA.match(name) for name in (str(part.get("type")), *part))
        for part in parts
    )


def add_instruction(messages: Sequence[Message], instruction: str) -> tuple[Message, ...]:
    """Add a system message after the first ones: the API ignores `response_format` (FACTS.md, "Parameters")."""
    place = next((number for number, message in enumerate(messages) if not is_system(message)), len(messages))
    return (*messages[:place], {"role": "system", "content": instruction}, *messages[place:])


def accepts_system_messages(messages: Sequence[Message], model: str) -> bool:
    """Return True if the model accepts the system messages where they stand, or is unknown."""
    places = [place for place, message in enumerate(messages) if is_system(message)]
    if places in ([], [0]):
        return True
    known = find_model(model)
    return known is None or known.several_system_messages


def prepare_messages(messages: Sequence[Message], model: str) -> tuple[Message, ...]:
    """Return `messages` in the form that the service accepts; a saved conversation stays as it is.

    Some models accept only one system message, at the beginning. For them all system messages are joined by blank
    lines. Call arguments become JSON text (`quote_arguments`). U+FFFD replaces a lone surrogate. `adapt_message` does the
    rest.
    """
    messages = list(map(adapt_message, messages))
    if not accepts_system_messages(messages, model):
        messages = _join_system_messages(messages)
    return tuple(repair_surrogates(_repair_arguments(message)) for message in messages)


def _join_system_messages(messages: Sequence[Message]) -> Sequence[Message]:
    system = [message for message in messages if message.get("role") == "system"]
    texts = [text for message in system for text in _extract_texts(message.get("content"))]
    others = [message for message in messages if message.get("role") != "system"]
    return [{**system[0], "content": "\n\n".join(texts)}, *others]


def _extract_texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(text := part.get("text"), str):
            yield text


def _repair_arguments(message: Message) -> Message:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    repaired = list(map(_repair_call, calls))
    return message if all(map(operator.is_, calls, repaired)) else {**message, "tool_calls": repaired}


def _repair_call(call: object) -> object:
    if not isinstance(call, dict) or not isinstance(function := call.get("function"), dict):
        return call
    arguments = function.get("arguments")
    quoted = quote_arguments(format_arguments(arguments))
    return call if quoted == arguments else {**call, "function": {**function, "arguments": quoted}}
