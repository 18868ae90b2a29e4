"""Joins surrogate pairs that a stream cut in two: JSON may write a character as two UTF-16 surrogates."""

import re

from mmpipe.errors import BadResponse

_SURROGATE = re.compile("[\ud800-\udfff]")


class SurrogateJoiner:
    """By field: the first surrogate of a pair whose second is still to come."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def join(self, field: str, text: str) -> str:
        """`text`, not empty, in whole characters; a lone surrogate raises BadResponse."""
        if not self._held and _SURROGATE.search(text) is None:
            return text
        text = self._held.pop(field, "") + text
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._held[field] = text[:-1], text[-1]
        if _SURROGATE.search(text) is not None:
            raise BadResponse("the answer holds a lone surrogate, which is no character")
        return text

    def check_none_left(self) -> None:
        """Raise BadResponse if the answer ended between the two surrogates of a pair."""
        if self._held:
            raise BadResponse("the answer ends inside a character (a lone surrogate)")
