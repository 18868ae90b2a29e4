"""Reads the token counts of an answer, by the names that the servers give them; pure."""

from collections.abc import Mapping

from mmpipe.core.events import Usage

_MOST = 2**53  # a greater count is no count, and no float

# FACTS.md, "Usage": for each count its places in the object, the first that holds a number counts.
_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "prompt_tokens": (("prompt_tokens",), ("input_tokens",)),
    "completion_tokens": (("completion_tokens",), ("output_tokens",)),
    "total_tokens": (("total_tokens",),),
    "reasoning_tokens": (("completion_tokens_details", "reasoning_tokens"), ("reasoning_tokens",)),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        # MiniMax, with explicit caching
        ("prompt_tokens_details", "cache_read_input_tokens"),
        ("prompt_cache_hit_tokens",),  # DeepSeek
        ("cached_tokens",),  # Moonshot
    ),
    "cache_write_tokens": (("prompt_tokens_details", "cache_creation_input_tokens"),),
}


def read_usage(value: object) -> Usage | None:
    """The usage in a field `usage`; None if there is none, or one of zeros (FACTS.md, "The end of a stream", G0)."""
    if not isinstance(value, dict):
        return None
    prompt, completion, total, thinking, read, written = (
        next((count for place in places if (count := _count(value, place)) is not None), None)
        for places in _PLACES.values()
    )
    if not (prompt or completion or total):
        return None
    if not total and prompt is not None and completion is not None:
        total = prompt + completion
    return Usage(prompt, completion, total, thinking, read, written)


def _count(usage: object, place: tuple[str, ...]) -> int | None:
    for name in place:
        usage = usage.get(name) if isinstance(usage, dict) else None
    return usage if type(usage) is int and 0 <= usage < _MOST else None
