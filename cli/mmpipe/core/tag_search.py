"""Finds tags, and beginnings of tags, in text; pure."""

from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 16  # characters; no tag with its layout has as many


def is_incomplete(text: str, tags: Iterable[str]) -> bool:
    """Return True if `text` is an incomplete beginning of one of `tags`."""
    return any(len(text) < len(tag) and tag.startswith(text) for tag in tags)


def find_prefix(text: str, tags: Iterable[str]) -> str | None:
    """Return the tag that `text` begins with, or None."""
    return next((tag for tag in tags if text.startswith(tag)), None)


def find_first(text: str, tags: Iterable[str]) -> tuple[int, int] | None:
    """Return the start and end of the first of `tags` in `text`, or None."""
    found = [(position, position + len(tag)) for tag in tags if (position := text.find(tag)) >= 0]
    return min(found, default=None)


def count_held(text: str, tags: Iterable[str]) -> int:
    """Return the number of characters at the end of `text` that may belong to one of `tags`."""
    if "<" not in text[-_LONGEST:] and not text.endswith("\n"):
        return 0
    return max(
        (length for tag in tags for length in range(1, len(tag) + 1) if text.endswith(tag[:length])),
        default=0,
    )
