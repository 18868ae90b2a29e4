"""Tool calls as the model makes them: found in messages, and told from what only looks like one; pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mmpipe.core.events import Event, Message, ToolCall
from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line


def calls_of(message: Message) -> tuple[ToolCall, ...]:
    """The tool calls of an assistant message."""
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return tuple(
        ToolCall(number, str(call.get("id", "")), *_named(call.get("function")))
        for number, call in enumerate(found)
    )


def open_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The calls at the end of a conversation that wait for their results."""
    answered: set[object] = set()
    for message in reversed(messages):
        if message.get("role") != "tool":
            return tuple(call for call in calls_of(message) if call.id not in answered)
        answered.add(message.get("tool_call_id"))
    return ()


def check_calls(events: Iterable[Event]) -> Iterator[Event]:
    """`events`, for who cannot do anything about a bad call: raises BadResponse before one of the calls is said."""
    calls: list[ToolCall] = []
    rest = iter(events)
    for event in rest:
        if isinstance(event, ToolCall):
            calls.append(event)
            continue
        bad = next((call for call in calls if not is_json(call.arguments)), None)
        if bad is not None:
            # What came whole came whole for who records it.
            deque(rest, maxlen=0)
            raise not_json(bad)
        yield from calls
        calls.clear()
        yield event


def not_json(call: ToolCall) -> BadResponse:
    """What is wrong with a call whose arguments nobody can read."""
    shown = one_line(call.arguments, 80)
    return BadResponse(f"the model called {call.name!r} with arguments that are not JSON: {shown}")


def is_json(arguments: str) -> bool:
    """Whether the arguments of a call can be read; a call without arguments may have none to write."""
    try:
        strict_json.loads(arguments or "{}")
    except ValueError:
        return False
    return True


def listed(calls: Iterable[ToolCall]) -> str:
    """Calls as a person is told of them."""
    return ", ".join(f"{call.id} ({call.name})" for call in calls)


def _named(function: object) -> tuple[str, str]:
    said: Mapping[str, object] = function if isinstance(function, dict) else {}
    return str(said.get("name", "")), str(said.get("arguments", ""))
