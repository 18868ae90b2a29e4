"""Joins surrogate pairs that a stream cut in two, and replaces lone surrogates.

JSON may write a character as the escapes of two UTF-16 surrogates. One of them alone is no character: UTF-8 cannot express it.
"""

import re
from collections.abc import Callable
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
REPLACEMENT: Final = "\ufffd"


class SurrogateJoiner:
    """By field: the first surrogate of a pair whose second is still to come."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def join(self, field: str, text: str) -> str:
        """Return `text`, not empty, with pairs joined; a first surrogate at its end is held back."""
        if not self.held and not has_surrogate(text):
            return text
        text = join_surrogates(self.held.pop(field, "") + text)
        if "\ud800" <= text[-1] <= "\udbff":
            text, self.held[field] = text[:-1], text[-1]
        return text

    def release(self, is_over: Callable[[str], bool]) -> list[tuple[str, str]]:
        """Return the fields that are over and ended between the surrogates of a pair, each with its lone surrogate."""
        return [(field, self.held.pop(field)) for field in [*self.held] if is_over(field)]


def has_surrogate(text: str) -> bool:
    """Return True if `text` has a surrogate, which is never part of a joined pair."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def join_surrogates(text: str) -> str:
    """Return `text` with each pair of surrogates as one character; lone surrogates stay."""
    if not has_surrogate(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def replace_lone_surrogates(text: str) -> str:
    """Return `text`, whose pairs are joined, with U+FFFD for each lone surrogate."""
    return _SURROGATE.sub(REPLACEMENT, text) if has_surrogate(text) else text
