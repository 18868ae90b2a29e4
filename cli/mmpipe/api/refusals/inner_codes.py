"""Finds the codes inside the body of an error: an HTTP status in a field, and the codes of services; pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from mmpipe.api.refusals.codes import API_CODES, is_paired

STATUSES: Final = range(400, 600)
# Fields that hold an HTTP status, as a number or its text.
_STATUS_FIELDS: Final = (
    "code",  # vLLM, SGLang, llama.cpp, OpenRouter, Google; litellm as a text
    "http_code",  # MiniMax, as a text
    "status",  # NVIDIA NIM, Spring
    "status_code",
    "statusCode",  # Azure
    "http_status",
    "http_status_code",  # TGI
    "httpStatus",
)
_LONGEST_CODE: Final = 5  # digits
_CODE = re.compile(r"\((\d{4,5})\)\s*$", re.ASCII)
# A status at the beginning of a text: `429 Too Many Requests`, `Error code: 429 - {...}`.
_STATUS_FIRST = re.compile(
    r"(?:HTTP(?:/[\d.]{1,3})?|(?:error|status)(?: code)?:?)?\s{0,3}([45]\d\d)\b", re.IGNORECASE | re.ASCII
)


def has_code(body: Mapping[str, object]) -> bool:
    """True if one of the fields for a status holds a code of any kind."""
    return any(_parse_code(body.get(name)) for name in _STATUS_FIELDS)


def find_status(objects: Iterable[Mapping[str, object]]) -> int | None:
    """The HTTP status of an error in a field of its objects, the outermost first."""
    codes = (_parse_code(error.get(name)) for error in objects for name in _STATUS_FIELDS)
    return next((code for code in codes if code in STATUSES), None)


def find_first_status(reason: str) -> int | None:
    """The HTTP status at the beginning of a text."""
    first = _STATUS_FIRST.match(reason)
    return int(first[1]) if first else None


def find_code(
    objects: Iterable[Mapping[str, object]], reason: str, http: int, *, is_inside: bool
) -> tuple[int | None, bool]:
    """The code of the service, and True if it is one of MiniMax's; an HTTP status is none.

    MiniMax writes it at the end of the message, where other servers write numbers of any kind. In a field beside an
    HTTP status stand the codes of other services, which use the same numbers.
    """
    if (found := _CODE.search(reason)) and is_paired(int(found[1]), http):
        return int(found[1]), True
    codes = (_parse_code(error.get("code")) for error in objects)
    code = next((code for code in codes if code and code not in STATUSES), None)
    return code, is_inside and code in API_CODES


def _parse_code(code: object) -> int | None:
    """A code from a number or a string of digits."""
    if type(code) is int:
        return code if 0 <= code < 10**_LONGEST_CODE else None
    text = code if isinstance(code, str) else ""
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _LONGEST_CODE else None
