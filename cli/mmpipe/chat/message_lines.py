"""Messages as lines of a transcript, one JSON object each; pure."""

from collections.abc import Iterator
from typing import Final

from mmpipe.core.events import Message
from mmpipe.core.message_forms import is_turn
from mmpipe.core.messages import repair_surrogates
from mmpipe.errors import InputError
from mmpipe.text.json_encoding import format_json, has_lone_surrogate
from mmpipe.text.strict_json import MAX_DEPTH, describe_fault, is_deeper, loads

SPACE: Final = " \t\r\n"
# Members of a record or of a request that hold a conversation.
LISTS: Final = ("messages", "conversations")
_FOR_BATCH: Final = "`mmpipe batch` asks the records of a file, and a transcript is one conversation"
_FOREIGN: Final = {"contents": "Gemini", "input": "the Responses API"}


def parse_lines(text: str, name: str, first: int = 1) -> Iterator[Message]:
    """Parse JSONL whose first line has the number `first`; raises InputError."""
    return (check_message(value, place) for place, value in parse_values(text, name, first))


def is_array(text: str) -> bool:
    """True if the text begins like a JSON array."""
    return text.lstrip(SPACE).startswith("[")


def format_line(message: Message) -> bytes:
    """Return the line of a transcript for `message`, with lone surrogates replaced.

    No request may hold a lone surrogate, so a single answer with one would end the conversation.
    """
    return f"{format_json(repair_surrogates(message))}\n".encode()


def parse_values(text: str, name: str, first: int = 1) -> Iterator[tuple[str, object]]:
    """Yield the value of each line after its place; raises InputError for a line that is not JSON."""
    # Not splitlines(), which also splits at characters that may stand inside a string.
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip(SPACE):
            continue
        place = f"{name}: line {number}"
        try:
            value = loads(line)
        except ValueError as error:
            raise InputError(f"{place} is not JSON: {describe_fault(error)}") from error
        yield place, value


def check_message(value: object, place: str) -> Message:
    """Return the message that the value is; raises InputError, which begins with `place`."""
    if not isinstance(value, dict):
        raise InputError(f"{place} is not a JSON object")
    role = value.get("role")
    if not isinstance(role, str) or not role:
        if "role" not in value and "message" in value:
            raise InputError(
                f"{place} is a record of -F json and no message", hint="-F messages writes those"
            )
        if not value.keys().isdisjoint((*LISTS, "body")):
            raise InputError(f"{place} is a record with a conversation of its own: {_FOR_BATCH}")
        if foreign := [api for key, api in _FOREIGN.items() if key in value]:
            raise InputError(
                f"{place} is a request of {foreign[0]}: expected are messages with role and content"
            )
        if is_turn(value):
            raise InputError(f"{place} is a turn of ShareGPT and no message: --messages converts them")
        raise InputError(f"{place} has no role, as every message has")
    if is_deeper(value, MAX_DEPTH):
        raise InputError(f"{place} is nested too deep")
    if role == "assistant":
        # The record of such an answer has it as it came.
        return repair_surrogates(value)
    if has_lone_surrogate(value):
        raise InputError(f"{place} holds a lone surrogate, which is not valid Unicode")
    return value
