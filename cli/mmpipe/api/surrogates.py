"""Joins characters that a stream cut in two: JSON writes some as two UTF-16 halves, and a chunk may end between them."""

import re

from mmpipe.errors import BadResponse

_HALF = re.compile("[\ud800-\udfff]")


class SurrogateJoiner:
    """By field: the first half of a character whose second half is to come."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def joined(self, field: str, text: str) -> str:
        """`text`, not empty, in whole characters; a half that has no other raises BadResponse."""
        if not self._held and _HALF.search(text) is None:
            return text
        text = self._held.pop(field, "") + text
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._held[field] = text[:-1], text[-1]
        if _HALF.search(text) is not None:
            raise BadResponse("the answer holds half a character")
        return text

    def check_none_left(self) -> None:
        """Raise BadResponse if the answer ended between two halves."""
        if self._held:
            raise BadResponse("the answer ends within a character")
