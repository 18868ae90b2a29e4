"""Guesses what was meant by a word that nobody knows."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word, such as `; did you mean json?`; empty without a good guess."""
    # Needed only where something is wrong.
    from difflib import get_close_matches

    spelled = {name.lower(): name for name in known}
    meant = word.lower()
    guesses = get_close_matches(meant, spelled, 1) or [
        name for name in spelled if len(meant) > 1 and meant in name
    ]
    return f"; did you mean {spelled[guesses[0]]}?" if guesses else ""
