"""Endpoint of the API: the base URL and its key, which is never shown."""

from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Final

MASK: Final = "***"
# Characters of a key that identify it: more than the prefix that all keys have; no key is shorter.
_MIN_KEY = 8
# Only ASCII: lower() turns some letters into two, which would shift all later positions.
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Key:
    """API key, never shown; `source` names the place where it was found."""

    value: str = field(repr=False)
    source: str

    def mask(self, text: str) -> str:
        """Return `text` with `***` in place of the key, or of its beginning if it is cut off; upper and lower case alike."""
        lowered, searched = self.value.translate(_LOWER), text.translate(_LOWER)
        place = searched.find(lowered[:_MIN_KEY])
        if len(lowered) < _MIN_KEY or place < 0:
            return text
        kept: list[str] = []
        done = 0
        while place >= 0:
            end = place
            while (
                end < len(searched) and end - place < len(lowered) and searched[end] == lowered[end - place]
            ):
                end += 1
            kept += [text[done:place], MASK]
            done, place = end, searched.find(lowered[:_MIN_KEY], end)
        return "".join((*kept, text[done:]))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Base URL of the API, its key, and the file of certificates to trust (None: the system's)."""

    base_url: str
    key: Key
    ca_file: Path | None = None

    @property
    def is_plain_http(self) -> bool:
        """True for http://, which settings permit only on this machine; it uses no proxy and no certificate."""
        return self.base_url.startswith("http://")
