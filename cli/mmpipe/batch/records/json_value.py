"""Parses the JSON of records, and writes the canonical JSON that requests are compared by; pure."""

from typing import Final

import msgspec

from mmpipe.core.messages import repair_surrogates
from mmpipe.errors import InputError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import format_sorted_json
from mmpipe.text.strict_json import MAX_DEPTH

_DECODER: Final = msgspec.json.Decoder()


def parse_json(text: str) -> object:
    """The value; raises InputError."""
    try:
        value: object = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        # Its messages differ, and it refuses some of what the standard allows.
        value = _parse_slowly(text)
    if text.count("[") + text.count("{") > MAX_DEPTH and strict_json.is_deeper(value, MAX_DEPTH):
        raise InputError("it is nested too deep")
    return value


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys, so that equal values have equal bytes; raises InputError if no request can hold the value."""
    try:
        return format_sorted_json(value).encode()
    except UnicodeEncodeError as error:
        raise InputError("it holds a lone surrogate, which is not valid Unicode") from error
    except RecursionError as error:
        raise InputError("it is nested too deep") from error


def _parse_slowly(text: str) -> object:
    try:
        value = strict_json.loads(text)
    except ValueError as error:
        raise InputError(f"it is not JSON: {strict_json.describe_fault(error)}") from error
    # JSON can hold a lone surrogate; a request cannot.
    value = value if strict_json.is_deeper(value, MAX_DEPTH) else _replace_in_answers(value)
    canonical_json(value)
    return value


def _replace_in_answers(record: object) -> object:
    """Return the record with U+FFFD for the lone surrogates of earlier answers: the service sent them, not the user."""
    if not isinstance(record, dict):
        return record
    replaced = _replace_in_messages(record)
    body = record.get("body")
    return {**replaced, "body": _replace_in_messages(body)} if isinstance(body, dict) else replaced


def _replace_in_messages(request: dict[str, object]) -> dict[str, object]:
    messages = request.get("messages")
    if not isinstance(messages, list):
        return request
    return {**request, "messages": [_replace(message) for message in messages]}


def _replace(message: object) -> object:
    if isinstance(message, dict) and message.get("role") == "assistant":
        return repair_surrogates(message)
    return message
