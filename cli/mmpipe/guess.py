"""Guesses what was meant by a word that nobody knows."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word, such as `; did you mean json?`; empty without a good guess."""
    # Needed only where something is wrong.
    from difflib import get_close_matches

    spelled = {name.lower(): name for name in known}
    guesses = get_close_matches(word.lower(), spelled, 1)
    return f"; did you mean {spelled[guesses[0]]}?" if guesses else ""
