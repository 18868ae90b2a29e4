"""Writes compact JSON: as bytes for millions of lines, ten times faster than Python's encoder; as text; and sorted."""

import json
from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
# Created once: json.dumps with options creates an encoder each time, which takes longer than encoding a small value.
_PYTHON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SORTED: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def encode_json(value: object) -> bytes:
    """Return `value` as compact JSON in UTF-8; a lone surrogate becomes its JSON escape."""
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):
        # msgspec refuses lone surrogates, and integers of more than 64 bits.
        return _PYTHON.encode(value).encode(errors="backslashreplace")


def format_json(value: object) -> str:
    """Return `value` as compact JSON on one line; a lone surrogate stays in the text."""
    return _PYTHON.encode(value)


def format_sorted_json(value: object) -> str:
    """Return `value` as compact JSON with sorted keys: equal values have equal texts. Raises RecursionError."""
    return _SORTED.encode(value)


def format_valid_json(value: object) -> str:
    """Return `value` as compact JSON on one line, with U+FFFD for each lone surrogate."""
    return format_json(value).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def has_lone_surrogate(value: object) -> bool:
    """Return True if a string in `value` holds a lone surrogate: JSON can express one, and UTF-8 cannot."""
    try:
        reject_lone_surrogates(value)
    except UnicodeEncodeError:
        return True
    return False


def reject_lone_surrogates(value: object) -> None:
    """Raise ValueError for a lone surrogate: JSON can express one in an escape, and a request in UTF-8 cannot."""
    try:
        _ENCODER.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError):
        # The values that msgspec refuses for other reasons are looked at, too.
        _PYTHON.encode(value).encode()
