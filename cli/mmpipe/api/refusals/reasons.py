"""Finds the reason of a refusal in its body, whatever server wrote it (FACTS.md, "Errors of other servers"); pure."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import islice
from operator import length_hint
from typing import Final

from mmpipe.text.html_page import describe_page, is_page

_LONGEST: Final = 4_000  # characters of a reason; what is shown is shorter
_MOST: Final = 5  # reasons of one list
_DEEPEST: Final = 8  # levels of objects and lists
_LONGEST_JSON: Final = 65_536  # characters of JSON inside a text

# The fields with words for people, the most telling one first. Those of an error with nothing around it,
REPORTS: Final = (
    "message",
    "Message",  # AWS
    "detail",  # FastAPI, NVIDIA NIM, RFC 9457
    "details",  # IBM's guardrails
    "msg",
    "error_description",  # OAuth
    "error_message",
    "errorMessage",
    "error_msg",  # Baidu
    "errmsg",
    "errorMsg",
    "errors",
    "err",
)
# and those that say so only inside one.
_FIELDS: Final = (
    *REPORTS,
    "error",
    "description",
    "reason",
    "status_msg",  # MiniMax
    "title",  # RFC 9457
    "raw",  # OpenRouter: the body of the provider
)
# The fields that are words for programs: the last resort.
_NAMES: Final = ("code", "type", "status", "error_type", "error_code")
_EMPTY: Final = frozenset({"", "none", "null"})  # litellm writes None as a text


def find_reason(value: object, levels: int = _DEEPEST) -> str:
    """The words in a JSON value that say why; empty if it has none. They are as long as a paragraph at most."""
    if levels == 0:
        return ""
    match value:
        case str():
            return explain_text(value, levels)
        case list():
            return _of_list(value, levels)
        case dict():
            return _of_object(value, levels)
        case _:
            return ""


def explain_text(text: str, levels: int = _DEEPEST) -> str:
    """The reason in a text that may be plain, a page, or JSON (a gateway quotes the answer of its provider)."""
    text = text.strip()
    if inner := find_reason(unpack(text), levels - 1):
        return inner
    if is_page(text):
        return describe_page(text)
    return "" if text.lower() in _EMPTY else text[:_LONGEST]


def unpack(text: str) -> object:
    """The object or list that a text holds as JSON, with line ends inside its texts too; None for any other text."""
    text = text.strip()
    if text.startswith(("{", "[")) and len(text) <= _LONGEST_JSON:
        with suppress(ValueError, RecursionError):
            value: object = json.loads(text, strict=False)
            return value
    return None


def names_of(value: object) -> Iterator[str]:
    """The words for programs in an error: its code, its type and the like."""
    if isinstance(value, dict):
        yield from (word for name in _NAMES if isinstance(word := value.get(name), str))


def _of_list(values: list[object], levels: int) -> str:
    rest = iter(values)
    reasons = (find_reason(value, levels - 1) for value in rest)
    found = [*islice(filter(None, reasons), _MOST)]
    left = length_hint(rest)
    return ("; ".join(found) + (f"; and {left} more" if left else ""))[:_LONGEST]


def _of_object(value: Mapping[str, object], levels: int) -> str:
    # Each member is searched once: twice at each level would be exponential in the depth.
    search = cache(lambda name: find_reason(value.get(name), levels - 1))
    reason = next(filter(None, map(search, _FIELDS)), "")
    if not reason:
        return _of_fields(value, levels)
    for more in (search("errors"), search("detail"), *_of_provider(value, levels)):
        if more not in reason:
            reason = f"{reason}: {more}"
    place = _place(value)
    return (reason if place in reason else f"{place}: {reason}")[:_LONGEST]


def _of_provider(value: Mapping[str, object], levels: int) -> Iterator[str]:
    """The reasons of the provider of a gateway (OpenRouter)."""
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        yield from (find_reason(metadata.get(name), levels - 1) for name in ("raw", "reasons"))


def _place(value: Mapping[str, object]) -> str:
    """The field of the request that an error is about: `loc` (pydantic) or `param` (OpenAI); empty if none is named."""
    place = value.get("loc", value.get("param"))
    if isinstance(place, list):
        # The first step is always the body.
        return ".".join(str(step) for step in islice(place, _DEEPEST) if step != "body")[:200]
    return place[:200] if isinstance(place, str) and place.lower() not in _EMPTY else ""


def _of_fields(value: Mapping[str, object], levels: int) -> str:
    """The reasons of an object that has one for each field of the request (Django); else its words for programs."""
    named = (
        f"{name[:200]}: {reason}"
        for name, inner in value.items()
        if isinstance(inner, list) and name not in _FIELDS and (reason := find_reason(inner, levels - 1))
    )
    return (
        "; ".join(islice(named, _MOST))[:_LONGEST]
        or next((name for name in names_of(value) if name.strip() and not name.isdecimal()), "")[:200]
    )
