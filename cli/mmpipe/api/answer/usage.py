"""Reads the token counts of an answer, from the places and by the names that servers give them; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from mmpipe.core.events import Usage

_MOST: Final = 2**40  # tokens; a greater count is no count
_LONGEST: Final = 20  # characters of a count that is written as text

# FACTS.md, "Usage": the names of each count, in the order of the fields of Usage; the first that holds a count is taken.
_NAMES: Final = (
    ("prompt_tokens", "input_tokens"),
    ("completion_tokens", "output_tokens"),
    ("total_tokens",),
    ("reasoning_tokens",),
    # OpenAI; MiniMax with explicit caching; DeepSeek
    ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
    ("cache_creation_input_tokens",),
)
# Objects that hold some of the counts; some servers put these beside the others.
_DETAILS: Final = (
    "completion_tokens_details",
    "prompt_tokens_details",
    "output_tokens_details",
    "input_tokens_details",
)
# Members that may hold the usage of an answer: of a chunk, and of a choice.
_OF_CHUNK: Final = frozenset({"x_groq", "metadata", "meta", "response"})
_OF_CHOICE: Final = ("delta", "message")


def find_usage(chunk: Mapping[str, object]) -> Usage | None:
    """The usage of a chunk or a whole answer, beside its choices; None if there is none."""
    usage = read_usage(chunk.get("usage"))
    # Most chunks of a stream have no such member.
    return usage if usage is not None or _OF_CHUNK.isdisjoint(chunk) else _find_inside(chunk, _OF_CHUNK)


def find_choice_usage(choice: Mapping[str, object]) -> Usage | None:
    """The usage within a choice; None if there is none."""
    usage = read_usage(choice.get("usage"))
    return usage if usage is not None else _find_inside(choice, _OF_CHOICE)


def with_tier(usage: Usage | None, tier: object) -> tuple[Usage, ...]:
    """The usage with the tier in a field `service_tier`, if there is one; nothing without a usage."""
    if usage is None:
        return ()
    return (replace(usage, service_tier=tier) if isinstance(tier, str) else usage,)


def read_usage(value: object) -> Usage | None:
    """The usage in a field `usage`; None if there is none, or one of zeros (FACTS.md, "The end of a stream", G0)."""
    if not isinstance(value, dict):
        return None
    fields = dict(value)
    for name in _DETAILS:
        details = value.get(name)
        if isinstance(details, dict):
            fields |= details
    prompt, completion, total, thinking, read, written = (_find_count(fields, names) for names in _NAMES)
    if not (prompt or completion or total):
        return None
    if not total and prompt is not None and completion is not None:
        total = prompt + completion
    return Usage(prompt, completion, total, thinking, read, written)


def _find_inside(holder: Mapping[str, object], names: Iterable[str]) -> Usage | None:
    """The first usage that reports tokens of those in the members."""
    for name in names:
        member = holder.get(name)
        if isinstance(member, dict) and "usage" in member:
            usage = read_usage(member["usage"])
            if usage is not None:
                return usage
    return None


def _find_count(fields: Mapping[str, object], names: Iterable[str]) -> int | None:
    for name in names:
        value = fields.get(name)
        if value is not None and (count := _read_count(value)) is not None:
            return count
    return None


def _read_count(value: object) -> int | None:
    """The count in a number or in its text; None for what cannot be a count: a fraction, a negative or a huge number."""
    if type(value) is int:
        return value if 0 <= value <= _MOST else None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST or not text.isascii():
            return None
        digits, _, zeros = text.partition(".")
        if not digits.isdecimal() or zeros.strip("0"):
            return None
        value = int(digits)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return int(value) if value == int(value) else None
