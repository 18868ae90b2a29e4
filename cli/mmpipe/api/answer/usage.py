"""Reads the token counts of an answer, by the names that the servers give them; pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from mmpipe.core.events import Usage

_MOST = 2**53  # a greater count is no count, and no float

# FACTS.md, "Usage": the names of each count, in the order of the fields of Usage; the first that holds a number counts.
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
_DETAILS: Final = ("completion_tokens_details", "prompt_tokens_details")


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


def _find_count(fields: Mapping[str, object], names: Iterable[str]) -> int | None:
    for name in names:
        count = fields.get(name)
        if type(count) is int and 0 <= count < _MOST:
            return count
    return None
