"""Finds, checks and repairs the tool calls of a model; pure."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, groupby, starmap
from typing import Final

from mmpipe.core.events import Event, Message, Stop, ToolCall
from mmpipe.core.finish_reasons import LIMITED, finish_meaning
from mmpipe.errors import BadResponse, CutShort
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import encode_json, format_json
from mmpipe.text.visible import one_line

# The key under which arguments that are not JSON are sent back.
_NOT_JSON: Final = "not_json"
_ID_LENGTH: Final = 9


def parse_calls(message: Message) -> tuple[ToolCall, ...]:
    """Return the tool calls of an assistant message, with the arguments as the model wrote them.

    Entries that are not objects are ignored.
    """
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return tuple(
        ToolCall(number, str(call.get("id", "")), *_parse_function(call.get("function")))
        for number, call in enumerate(found)
    )


def find_open_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """Return the calls at the end of a conversation that have no result yet."""
    answered: set[object] = set()
    for message in reversed(messages):
        if message.get("role") != "tool":
            return tuple(call for call in parse_calls(message) if call.id not in answered)
        answered.add(message.get("tool_call_id"))
    return ()


def find_unanswered_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """Return the last calls of a conversation that lack a result, whatever follows them."""
    for place in range(len(messages), 0, -1):
        if messages[place - 1].get("role") in ("assistant", "tool"):
            return find_open_calls(messages[:place])
    return ()


def check_calls(events: Iterable[Event]) -> Iterator[Event]:
    """Yield `events`; raises BadResponse before the first call of a group in which one has arguments that are not JSON.

    Raises CutShort instead if the answer was cut off at a limit, within the arguments.
    """
    groups = groupby(events, ToolCall.__instancecheck__)

    def check(are_calls: bool, group: Iterator[Event]) -> Iterable[Event]:
        if not are_calls:
            # Passed on without a step of Python for each event.
            return group
        calls = [*group]
        for call in calls:
            if isinstance(call, ToolCall) and not is_valid_json(call.arguments):
                # A recording of the answer needs the rest of the events.
                rest = deque((event for _, others in groups for event in others), maxlen=1)
                raise _cut_off_error(call, *rest) or malformed_call_error(call)
        return calls

    return chain.from_iterable(starmap(check, groups))


def _cut_off_error(call: ToolCall, last: Event | None = None) -> CutShort | None:
    """Return the error for a call that the end of the answer cut off, None if the finish reason is no limit."""
    if isinstance(last, Stop) and finish_meaning(last.reason) in LIMITED:
        return CutShort(f"the answer was cut off within a call of {call.name!r}", hint="raise --max-tokens")
    return None


def malformed_call_error(call: ToolCall) -> BadResponse:
    """Return the error for a call whose arguments are not JSON."""
    shown = one_line(call.arguments, 80)
    return BadResponse(f"the model called {call.name!r} with arguments that are not JSON: {shown}")


def is_valid_json(arguments: str) -> bool:
    """Return True if the arguments of a call are JSON; the empty string counts as `{}`."""
    try:
        strict_json.loads(arguments or "{}")
    except ValueError:
        return False
    return True


def format_calls(calls: Iterable[ToolCall]) -> str:
    """Return the calls for a message: `ID (NAME), ...`."""
    return ", ".join(f"{call.id} ({call.name})" for call in calls)


def format_arguments(value: object) -> str:
    """Return the arguments of a call as text; some servers and transcripts hold them as JSON values."""
    if isinstance(value, str):
        return value
    return "" if value is None else format_json(value)


def quote_arguments(arguments: str) -> str:
    """Return arguments that the service accepts: it refuses those that are not JSON (FACTS.md, "Refused requests").

    JSON stays as it is, to the byte. Other arguments become a JSON string inside an object, none an empty object.
    """
    if not arguments:
        return "{}"
    return arguments if is_valid_json(arguments) else encode_json({_NOT_JSON: arguments}).decode()


def _unquote_arguments(arguments: str) -> str:
    if not arguments.startswith(f'{{"{_NOT_JSON}":'):
        return arguments
    value = strict_json.loads(arguments) if is_valid_json(arguments) else None
    quoted = value.get(_NOT_JSON) if isinstance(value, dict) and len(value) == 1 else None
    return quoted if isinstance(quoted, str) and not is_valid_json(quoted) else arguments


def create_call_id(seed: Sequence[object], used: Collection[str]) -> str:
    """Return an id for a call, always the same for the same `seed`, and none of the `used` ones.

    Nine letters and digits are an id for every service: Mistral's accept no other form (FACTS.md, "Tool calls of other servers").
    """
    # Loads OpenSSL, which is slow, and few answers need it.
    from hashlib import sha256

    for number in count():
        digest = sha256(encode_json([*seed, number])).hexdigest()
        if (identity := digest[:_ID_LENGTH]) not in used:
            return identity
    raise AssertionError  # pragma: no cover


def distinguish_calls(events: Iterable[Event], messages: Sequence[Message]) -> Iterator[Event]:
    """Return the events of an answer; a call whose id is in `messages` already gets a new one, in its event and in the message.

    Some servers number the calls of each answer from the same number. A result must have one call in the whole conversation.
    """
    used = {call.id for message in messages for call in parse_calls(message)}
    # Without earlier calls there is nothing to distinguish.
    return _rename_calls(events, used, len(messages)) if used else iter(events)


def _rename_calls(events: Iterable[Event], used: Collection[str], place: int) -> Iterator[Event]:
    changed: dict[str, str] = {}
    for event in events:
        match event:
            case ToolCall():
                if event.id in used:
                    changed[event.id] = create_call_id([place, event.id], used)
                yield replace(event, id=changed.get(event.id, event.id))
            case Stop() if changed:
                yield replace(event, message=_change_ids(event.message, changed))
            case _:
                yield event


def _change_ids(message: Message, changed: Mapping[str, str]) -> Message:
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return {**message, "tool_calls": [{**call, "id": changed.get(call["id"], call["id"])} for call in found]}


def _parse_function(function: object) -> tuple[str, str]:
    fields: Mapping[str, object] = function if isinstance(function, dict) else {}
    return str(fields.get("name", "")), _unquote_arguments(format_arguments(fields.get("arguments")))
