"""Reads JSON as the standard has it: Python's reader also takes NaN and numbers that are infinite."""

import json
import math
from typing import Final


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def loads(text: str) -> object:
    """The value that `text` is; raises ValueError, also for what is nested too deep to be read."""
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value
