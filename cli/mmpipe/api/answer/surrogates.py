"""Joins surrogate pairs that a stream cut in two, and replaces lone surrogates.

JSON may write a character as the escapes of two UTF-16 surrogates. One of them alone is no character: UTF-8 cannot express it.
"""

import re
from collections.abc import Callable
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"


class SurrogateJoiner:
    """By field: the first surrogate of a pair whose second is still to come."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}  # the piece that ends with the surrogate

    def join(self, field: str, text: str) -> str:
        """Return `text`, not empty, with pairs joined; a first surrogate at its end is held back."""
        if not self.held and not _has_surrogate(text):
            return text
        before = self.held.pop(field, "")
        # A piece of a cumulative stream has the held surrogate in its repetition.
        text = join_surrogates(text if _is_repeated(before, text) else before[-1:] + text)
        whole = drop_first_surrogate(text)
        if whole != text:
            self.held[field] = text
        return whole

    def release(self, is_over: Callable[[str], bool]) -> list[tuple[str, str]]:
        """Return the fields that are over and ended between the surrogates of a pair, each with its lone surrogate."""
        return [(field, self.held.pop(field)[-1]) for field in [*self.held] if is_over(field)]


def _has_surrogate(text: str) -> bool:
    """Return True if `text` has a surrogate, which is never part of a joined pair."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def join_surrogates(text: str) -> str:
    """Return `text` with each pair of surrogates as one character; lone surrogates stay."""
    if not _has_surrogate(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def replace_lone_surrogates(text: str) -> str:
    """Return `text`, whose pairs are joined, with U+FFFD for each lone surrogate."""
    return _SURROGATE.sub(_REPLACEMENT, text) if _has_surrogate(text) else text


def drop_first_surrogate(text: str) -> str:
    """Return `text` without a first surrogate at its end."""
    return text[:-1] if "\ud800" <= text[-1:] <= "\udbff" else text


def _is_repeated(before: str, text: str) -> bool:
    """Return True if `text` repeats all of `before`, and joins the first surrogate at its end."""
    known = before[:-1]
    following = text[len(known) : len(known) + 1].encode("utf-16-le", "surrogatepass")
    return (
        bool(known)
        and text.startswith(known)
        and following[:2] == before[-1].encode("utf-16-le", "surrogatepass")
    )
