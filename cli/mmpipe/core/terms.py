"""The terms on which the service is asked: where and with which key, how long, and how often."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; `deadline` is a time of the monotonic clock, for all attempts together."""

    connect: float
    first_byte: float
    idle: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, and how often to ask again."""

    connect: float
    first_byte: float
    idle: float
    total: float
    retries: int

    def limits(self, spent: float = 0.0) -> Limits:
        """The limits of asking that goes on now, when so many seconds of it were spent already."""
        return Limits(self.connect, self.first_byte, self.idle, time.monotonic() + self.total - spent)


# What is done with a request: asked and kept; answered from a folder only; or from there if it can be.
RecordingMode = Literal["record", "replay", "cache"]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """Where answers are kept; `folder` is a path."""

    folder: str
    mode: RecordingMode
