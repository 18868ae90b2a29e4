"""What the service demands of the messages of a conversation, seen to before it is asked; pure."""

from collections.abc import Iterator, Sequence

from mmpipe.core.calls import calls_of, is_json, listed, open_calls
from mmpipe.core.catalogue import find
from mmpipe.core.events import Message, ToolCall
from mmpipe.errors import InputError
from mmpipe.text.json_bytes import json_bytes

# Parts that a model with images takes.
_SEEN = frozenset({"image_url", "video_url"})


def settled(messages: Sequence[Message]) -> Sequence[Message]:
    """As much of `messages` as can be gone on from with a new prompt: without calls that nobody answered."""
    if not open_calls(messages):
        return messages
    last = max(number for number, message in enumerate(messages) if message.get("role") == "assistant")
    return messages[:last]


def check_results(messages: Sequence[Message], name: str) -> None:
    """Raise InputError, with its number in `name`, for the first message that breaks the chain of calls and results.

    The service refuses them (FACTS.md, "Refused requests"). Calls at the very end may still wait for their results.
    """
    waiting: dict[str, ToolCall] = {}
    for number, message in enumerate(messages, 1):
        if message.get("role") == "tool":
            identity = str(message.get("tool_call_id", ""))
            if waiting.pop(identity, None) is None:
                raise InputError(
                    f"{name}: message {number} is the result of a call that is not there: {identity!r}"
                )
            continue
        if waiting:
            raise InputError(
                f"{name}: message {number} comes before the result of {listed(waiting.values())}"
            )
        waiting = {call.id: call for call in calls_of(message)}


def check_parts(messages: Sequence[Message], model: str) -> None:
    """Raise InputError for parts that the model is known not to take (FACTS.md, "Parameters")."""
    parts = [
        part
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
    ]
    kinds = {str(part.get("type")) for part in parts if isinstance(part, dict)} - {"text"}
    known = find(model) if kinds else None
    if known is not None and (refused := sorted(kinds - _SEEN if known.images else kinds)):
        raise InputError(f"{known.id} takes no {', '.join(refused)}")


def instructed(messages: Sequence[Message], instruction: str) -> tuple[Message, ...]:
    """Add a system message after those at the beginning: the API heeds no `response_format` (FACTS.md, "Parameters")."""
    place = next(
        (number for number, message in enumerate(messages) if message.get("role") != "system"), len(messages)
    )
    return (*messages[:place], {"role": "system", "content": instruction}, *messages[place:])


def takes_system_messages(messages: Sequence[Message], model: str) -> bool:
    """Whether the model takes the system messages where they stand; one that nobody knows is given them as they are."""
    places = [place for place, message in enumerate(messages) if message.get("role") == "system"]
    if places in ([], [0]):
        return True
    known = find(model)
    return known is None or known.several_system_messages


def sendable(messages: Sequence[Message], model: str) -> tuple[Message, ...]:
    """`messages` as the service takes them; what is kept of a conversation is not changed by that.

    Some models take one system message at the beginning and no other: theirs are joined by a blank line. Arguments of
    a call that are not JSON are refused wherever they stand (FACTS.md, "Refused requests"): they become a JSON
    string inside an object, and no arguments at all become an empty object.
    """
    if not takes_system_messages(messages, model):
        messages = _with_one_system_message(messages)
    return tuple(map(_with_sound_arguments, messages))


def _with_one_system_message(messages: Sequence[Message]) -> Sequence[Message]:
    system = [message for message in messages if message.get("role") == "system"]
    texts = [text for message in system for text in _texts(message.get("content"))]
    others = [message for message in messages if message.get("role") != "system"]
    return [{**system[0], "content": "\n\n".join(texts)}, *others]


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(text := part.get("text"), str):
            yield text


def _with_sound_arguments(message: Message) -> Message:
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or all(_is_sent(call.arguments) for call in calls_of(message)):
        return message
    return {**message, "tool_calls": [_sound(call) for call in calls]}


def _sound(call: object) -> object:
    if not isinstance(call, dict) or not isinstance(function := call.get("function"), dict):
        return call
    arguments = str(function.get("arguments", ""))
    if _is_sent(arguments):
        return call
    quoted = json_bytes({"not_json": arguments} if arguments else {}).decode()
    return {**call, "function": {**function, "arguments": quoted}}


def _is_sent(arguments: str) -> bool:
    return bool(arguments) and is_json(arguments)
