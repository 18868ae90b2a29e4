"""Hints in messages: the known word that an unknown one may stand for."""

from collections.abc import Iterable
from typing import Final

# Of 1: one letter of five may be at another place. `repetition_penalty` is no misspelling of `presence_penalty`.
_MISSPELLING: Final = 0.8


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint about an unknown word, such as `did you mean json?`; empty without a good guess."""
    similar = find_similar(word, known)
    return "" if similar is None else f"did you mean {similar}?"


def find_similar(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like the unknown one; None without a good guess."""
    # Needed only after an error.
    from difflib import get_close_matches

    spelled = {name.lower(): name for name in known}
    wanted = word.lower()
    guesses = get_close_matches(wanted, spelled, 1) or [
        name for name in spelled if len(wanted) > 1 and wanted in name
    ]
    return spelled[guesses[0]] if guesses else None


def correct(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that an unknown one is a misspelling of; None if it may be a word of its own."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word.lower(), known, 1, _MISSPELLING)), None)


def join_hints(*hints: str) -> str:
    """Return the hints that are not empty as one."""
    return "; ".join(hint for hint in hints if hint)
