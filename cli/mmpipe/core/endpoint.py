"""The base URL of the API and the key that belongs to it; the key is never shown."""

from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

_TELLING = 8  # characters of a key; before them stands what all keys begin with, and no secret is as short


# Of other letters some become two in small, and every place behind them would be another.
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, never shown; `source` is where it was found."""

    value: str = field(repr=False)
    source: str

    def masked(self, text: str) -> str:
        """`text` without the key, and without the beginning of it where it was cut off, in whatever case."""
        lowered, told = self.value.translate(_LOWER), text.translate(_LOWER)
        place = told.find(lowered[:_TELLING])
        if len(lowered) < _TELLING or place < 0:
            return text
        kept: list[str] = []
        done = 0
        while place >= 0:
            end = place
            while end < len(told) and end - place < len(lowered) and told[end] == lowered[end - place]:
                end += 1
            kept += [text[done:place], "***"]
            done, place = end, told.find(lowered[:_TELLING], end)
        return "".join((*kept, text[done:]))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and with which key."""

    base_url: str
    key: Key
    ca_file: Path | None = None

    @property
    def is_plain_http(self) -> bool:
        """Settings allow that for this machine only; no proxy is asked, and there is no certificate."""
        return self.base_url.startswith("http://")
