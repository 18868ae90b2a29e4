"""Build a short text that a regular expression matches: for the usual ones, and the caller checks the text."""

import re
import string
from typing import Final

from mmpipe.simulator.schema_check import NoInstance, build_check

_MOST_CHARACTERS: Final = 1000  # of a pattern, and of the text
_TOKEN: Final = re.compile(
    r"(?P<open>\((?:\?:|\?P?<\w+>|(?!\?)))|(?P<bar>\|)|(?P<edge>[\^$]|\\[bAzZ])"
    r"|(?:(?P<close>\))|(?P<atom>\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[pP]\{\w+\}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|[^()]))"
    r"(?:(?P<few>[*+?])|\{(?P<least>\d{1,4})(?P<open_end>,\d{0,4})?\})?\??",
    re.DOTALL,
)
_CHARACTERS: Final = (
    string.ascii_lowercase + string.digits + string.ascii_uppercase + string.punctuation + " "
)


def build_text(pattern: str) -> str:
    """Return a text for the first alternatives of a pattern, each piece repeated as little as it may, but once for `*`.

    Raises NoInstance for a pattern with what this does not read, such as a lookahead.
    """
    if len(pattern) > _MOST_CHARACTERS:
        raise NoInstance
    groups: list[list[str]] = [[""]]  # the alternatives of each open group
    place = 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None or (token["close"] and len(groups) == 1):
            raise NoInstance
        place = token.end()
        if token["open"]:
            groups.append([""])
        elif token["bar"]:
            groups[-1].append("")
        else:
            piece = groups.pop()[0] if token["close"] else _build_piece(token["atom"], groups[-1])
            groups[-1][-1] += piece * _count(token)
        if len(groups[-1][-1]) > _MOST_CHARACTERS:
            raise NoInstance
    if len(groups) > 1:
        raise NoInstance
    return groups[0][0]


def _build_piece(atom: str | None, alternatives: list[str]) -> str:
    """Return a character for an atom; nothing for the edge of a word or line, and where nothing is needed."""
    return "" if atom is None or len(alternatives) > 1 else _find_character(atom)


def _count(token: re.Match[str]) -> int:
    if token["least"]:
        return int(token["least"]) or int(bool(token["open_end"]))
    return int(token["few"] != "?")


def _find_character(atom: str) -> str:
    if len(atom) == 1 and atom != ".":
        return atom
    fits = build_check({"pattern": f"^(?:{atom})$"})
    found: str | None = next((character for character in (*_CHARACTERS, *atom[1:]) if fits(character)), None)
    if found is None:
        raise NoInstance
    return found
