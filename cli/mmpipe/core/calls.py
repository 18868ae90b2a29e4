"""Finds and checks the tool calls of a model; pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mmpipe.core.events import Event, Message, ToolCall
from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line


def parse_calls(message: Message) -> tuple[ToolCall, ...]:
    """Return the tool calls of an assistant message; entries that are not objects are ignored."""
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


def check_calls(events: Iterable[Event]) -> Iterator[Event]:
    """Yield `events`; raises BadResponse before the first call of a group in which one has arguments that are not JSON."""
    calls: list[ToolCall] = []
    rest = iter(events)
    for event in rest:
        if isinstance(event, ToolCall):
            calls.append(event)
            continue
        bad = next((call for call in calls if not is_valid_json(call.arguments)), None)
        if bad is not None:
            # A recording of the answer needs the rest of the events.
            deque(rest, maxlen=0)
            raise malformed_call_error(bad)
        yield from calls
        calls.clear()
        yield event


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


def _parse_function(function: object) -> tuple[str, str]:
    fields: Mapping[str, object] = function if isinstance(function, dict) else {}
    return str(fields.get("name", "")), str(fields.get("arguments", ""))
