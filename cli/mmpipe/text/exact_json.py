"""Reads and writes JSON with every number as it was written: 1.10 stays 1.10, and no digit is lost."""

import json
from typing import Final

import msgspec

# Raw is written as it stands.
_DECODER: Final = json.JSONDecoder(parse_float=msgspec.Raw, parse_int=msgspec.Raw)
_ENCODER: Final = msgspec.json.Encoder()


def loads(text: str) -> object:
    """The value that `text` is, which the strict reader has taken, with the text of a number in its place."""
    value: object = _DECODER.decode(text)
    return value


def dumps(value: object) -> str:
    """`value` as compact JSON; raises UnicodeEncodeError for half of a surrogate pair."""
    return _ENCODER.encode(value).decode()


def compact(text: str) -> str:
    """JSON without the space in it, with letters for escapes, and of a key that comes twice the last value."""
    return dumps(loads(text))
