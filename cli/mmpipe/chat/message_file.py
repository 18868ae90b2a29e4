"""Reads the file of `--messages`: a transcript of mmpipe, or the conversation of another program; pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from mmpipe.chat.message_lines import LISTS, SPACE, check_message, is_array, parse_values
from mmpipe.core.events import Message
from mmpipe.core.message_forms import convert_turns, is_turn, read_system
from mmpipe.errors import InputError
from mmpipe.text.strict_json import describe_fault, loads
from mmpipe.text.visible import one_line


def parse_messages(text: str, name: str, warn: Callable[[str], None]) -> tuple[Message, ...]:
    """Parse JSONL, one JSON array, or an object with `messages`; raises InputError with the place of the fault in `name`.

    Turns of ShareGPT are converted. `warn` gets a sentence with the fields beside the messages, which are ignored.
    """
    value = _parse_whole(text, name) if text.lstrip(SPACE).startswith(("[", "{")) else None
    if value is None:
        placed = list(parse_values(text, name))
    elif isinstance(value, list):
        placed = _number(value, name)
    else:
        placed = [(f"{name}: line 1", value)]
    if len(placed) == 1 and isinstance(record := placed[0][1], dict) and _find_list(record) is not None:
        placed = _number(_open_record(record, name, warn), name)
    if placed and is_turn(placed[0][1]):
        placed = _number([*convert_turns([turn for _, turn in placed], f"{name}: ")], name)
    return tuple(check_message(value, place) for place, value in placed)


def _number(values: Sequence[object], name: str) -> list[tuple[str, object]]:
    return [(f"{name}: message {number}", value) for number, value in enumerate(values, 1)]


def _parse_whole(text: str, name: str) -> object:
    """Return the array or the object that the text is; None for JSONL, which begins with an object too."""
    try:
        return loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and not is_array(text):
            return None
        raise InputError(
            f"{name}: line {error.lineno} is not JSON: {describe_fault(error, in_line=True)}"
        ) from error
    except ValueError as error:
        if not is_array(text):
            return None
        raise InputError(f"{name} is not JSON: {describe_fault(error)}") from error


def _find_list(record: Mapping[str, object]) -> str | None:
    """Return the name of the list of messages in a request or in a record of data; None for a message, and without one."""
    return next((key for key in LISTS if "role" not in record and isinstance(record.get(key), list)), None)


def _open_record(record: Mapping[str, object], name: str, warn: Callable[[str], None]) -> Sequence[object]:
    key = _find_list(record) or ""
    found = cast("list[object]", record[key])
    system = read_system(record.get("system"), f"{name}: ")
    ignored = sorted(record.keys() - {key, "system"})
    if ignored:
        warn(f"{name}: only its {key} are used, and not its {one_line(', '.join(ignored), 200)}")
    turns = [*convert_turns(found, f"{name}: ")] if found and is_turn(found[0]) else found
    return [*system, *turns]
