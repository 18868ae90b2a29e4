"""Reads and writes JSON with unchanged numbers: 1.10 stays 1.10, and no digit is lost."""

import json
from typing import Final

import msgspec

# The encoder writes Raw unchanged.
_DECODER: Final = json.JSONDecoder(parse_float=msgspec.Raw, parse_int=msgspec.Raw)
_ENCODER: Final = msgspec.json.Encoder()


def loads(text: str) -> object:
    """Return the value of `text`, each number as its text; `text` must have passed strict_json.loads."""
    value: object = _DECODER.decode(text)
    return value


def dumps(value: object) -> str:
    """Return `value` as compact JSON. Raises UnicodeEncodeError for a lone surrogate."""
    return _ENCODER.encode(value).decode()


def compact(text: str) -> str:
    """Return JSON without spaces and unnecessary escapes; of a repeated key the last value stays."""
    return dumps(loads(text))
