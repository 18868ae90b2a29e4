"""Messages as text: the JSONL or JSON array of `--messages`, and the lines of a transcript; pure."""

import json
from collections.abc import Iterator
from typing import Final

from mmpipe.core.events import Message
from mmpipe.core.messages import repair_surrogates
from mmpipe.errors import InputError
from mmpipe.text.json_encoding import format_json, has_lone_surrogate
from mmpipe.text.strict_json import MAX_DEPTH, describe_fault, is_deeper, loads

_SPACE: Final = " \t\r\n"


def parse_messages(text: str, name: str) -> tuple[Message, ...]:
    """Parse JSONL or one JSON array; raises InputError with the place of the fault in `name`."""
    if not is_array(text):
        return tuple(parse_lines(text, name))
    try:
        values = loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}: line {error.lineno} is not JSON: {describe_fault(error, in_line=True)}"
        ) from error
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {describe_fault(error)}") from error
    numbered = enumerate(values if isinstance(values, list) else [], 1)
    return tuple(_check_message(value, f"{name}: message {number}") for number, value in numbered)


def parse_lines(text: str, name: str, first: int = 1) -> Iterator[Message]:
    """Parse JSONL whose first line has the number `first`; raises InputError."""
    # Not splitlines(), which also splits at characters that may stand inside a string.
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip(_SPACE):
            continue
        place = f"{name}: line {number}"
        try:
            value = loads(line)
        except ValueError as error:
            raise InputError(f"{place} is not JSON: {describe_fault(error)}") from error
        yield _check_message(value, place)


def is_array(text: str) -> bool:
    """True if the text begins like a JSON array."""
    return text.lstrip(_SPACE).startswith("[")


def format_line(message: Message) -> bytes:
    """Return the line of a transcript for `message`, with lone surrogates replaced.

    No request may hold a lone surrogate, so a single answer with one would end the conversation.
    """
    return f"{format_json(repair_surrogates(message))}\n".encode()


def _check_message(value: object, place: str) -> Message:
    if not isinstance(value, dict):
        raise InputError(f"{place} is not a JSON object")
    role = value.get("role")
    if not isinstance(role, str) or not role:
        if "role" not in value and "message" in value:
            raise InputError(f"{place} is a record of -F json and no message; -F messages writes those")
        raise InputError(f"{place} has no role, as every message has")
    if is_deeper(value, MAX_DEPTH):
        raise InputError(f"{place} is nested too deep")
    if role == "assistant":
        # The record of such an answer has it as it came.
        return repair_surrogates(value)
    if has_lone_surrogate(value):
        raise InputError(f"{place} holds a lone surrogate, which is not valid Unicode")
    return value
