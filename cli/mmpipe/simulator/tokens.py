"""Split text into simple tokens that together are the whole text.

A token is up to six letters or digits with the space before them, or any other single character.
"""

import re

_TOKEN = re.compile(r" ?[^\W_]{1,6}|.", re.DOTALL)


def count(text: str) -> int:
    """Return the number of tokens of a text."""
    return len(_TOKEN.findall(text))


def first(text: str, limit: int) -> str:
    """Return the text up to its first ``limit`` tokens."""
    end = 0
    for _, token in zip(range(limit), _TOKEN.finditer(text), strict=False):
        end = token.end()
    return text[:end]
