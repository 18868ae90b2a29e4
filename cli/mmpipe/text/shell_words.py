"""Quotes words for a shell, so that a command can be shown, copied and run."""

import os
import shlex
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 200  # characters of a name in a message


def format_command(words: Iterable[str]) -> str:
    """Return the words as one line of a shell, without control characters."""
    return " ".join(map(quote_word, words))


def quote_word(word: str) -> str:
    """Return a word as POSIX shells read it; one with characters that are not shown, as bash and zsh do (`$'...'`)."""
    # Control, bidi and tag characters are not printable, nor are bytes that are no UTF-8.
    return shlex.quote(word) if word.isprintable() else f"$'{''.join(map(_escape, word))}'"


def quote_path(path: str) -> str:
    """Return the quoted name of a file, which no program takes for an option."""
    return quote_word(f"./{path}" if path.startswith("-") else path)


def name_file(path: str | None) -> str:
    """Return the quoted name of a file in a command that is shown; FILE without one, and for one that would be cut."""
    quoted = "FILE" if path is None else quote_path(path)
    return quoted if len(quoted) <= _LONGEST else "FILE"


def _escape(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "\\'" else character
    # Three octal digits end where they end, whatever follows.
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(character))
