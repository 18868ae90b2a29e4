"""Reads JSON as the standard has it: Python's reader also takes NaN and numbers that are infinite."""

import json
import math
from itertools import chain
from typing import Final


class TooLarge(ValueError):
    """JSON with a number that is beyond all that can be reckoned with."""


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        # The number may be long, and what is said of it be cut at the end.
        raise TooLarge(f"a number is too large: {text}")
    return number


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def loads(text: str) -> object:
    """The value that `text` is; raises ValueError, also for what is nested too deep to be read."""
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def is_deeper(value: object, levels: int) -> bool:
    """Whether arrays and objects are nested deeper in `value` than that; there is no recursion in it."""
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
