"""Reads JSON strictly: Python's decoder also accepts NaN and infinite numbers."""

import json
import math
import re
from contextlib import suppress
from itertools import chain
from typing import Final

# Levels of records and messages; Python's own limit is far away, so that all code can recurse.
MAX_DEPTH: Final = 500
# Levels of an answer: a record, a transcript or a journal that holds its message can be read again.
MAX_ANSWER_DEPTH: Final = 490
# Values of a body or an event: they take a hundred times their bytes, and time without a look at the clock.
MAX_ANSWER_VALUES: Final = 2**21


class TooLarge(ValueError):
    """JSON with a number that is too large for a float."""


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        # Last, since the number may be long, and messages are cut off at the end.
        raise TooLarge(f"a number is too large: {text}")
    return number


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number of JSON")


# The rest of a text that was cut off: of a word, of a number, of an escape such as \u00e9.
_CUT: Final = re.compile(r"|t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\.|[eE][+-]?|u[0-9a-fA-F]{0,4}")
SPACES: Final = " \t\n\r"
_ANY_SPACES: Final = re.compile(r"\s*")
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_parse_float)


def loads(text: str) -> object:
    """Return the value of `text`. Raises ValueError, also for JSON that is nested too deep."""
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def load_first(text: str, start: int) -> tuple[object, tuple[int, int]]:
    """Return the value at `start`, spaces of any kind aside, and its place.

    Raises ValueError, also for JSON that is nested too deep.
    """
    spaces = _ANY_SPACES.match(text, start)
    begin = start if spaces is None else spaces.end()
    try:
        value, end = _DECODER.raw_decode(text, begin)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value, (begin, end)


def loads_each(text: str, separator: re.Pattern[str]) -> tuple[list[object], str]:
    """Return the values at the beginning of `text`, each perhaps with a separator after it, and the rest of the text."""
    values: list[object] = []
    place = 0
    with suppress(ValueError, RecursionError):
        while place < len(text):
            value, place = _DECODER.raw_decode(text, place)
            values.append(value)
            found = separator.match(text, place)
            place = place if found is None else found.end()
    return values, text[place:]


def is_beginning(text: str) -> bool:
    """Return True if `text` is not JSON, but may be the beginning of JSON that was cut off."""
    try:
        loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].strip()
        return error.msg.startswith("Unterminated") or _CUT.fullmatch(rest) is not None
    except ValueError:
        pass
    return False


def describe_fault(error: ValueError, *, in_line: bool = False) -> str:
    """Return the reason why `loads` raised `error`, and the character, counted from 1 in the text or `in_line`."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    character = error.colno if in_line else error.pos + 1
    return f"{error.msg.removesuffix(' at')} at character {character}"


def has_too_many_values(data: bytes | bytearray) -> bool:
    """Return True if `data` has more commas and brackets than an answer may have values; nothing is parsed."""
    return len(data) > MAX_ANSWER_VALUES < sum(map(data.count, (b",", b"[", b"{")))


def is_deeper(value: object, levels: int) -> bool:
    """Return True if arrays and objects in `value` are nested deeper than `levels`; uses no recursion."""
    level = [value]
    for _ in range(levels):
        inner = [
            outer.values() if isinstance(outer, dict) else outer
            for outer in level
            if isinstance(outer, dict | list)
        ]
        if not inner:
            return False
        level = list(chain.from_iterable(inner))
    return any(isinstance(inner, dict | list) for inner in level)
