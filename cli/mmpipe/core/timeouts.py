"""Limits on time: the durations that the user chose, and the same as times of the clock for one request."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; `deadline` is a time of the monotonic clock, for all attempts together."""

    connect: float
    first_byte: float
    idle: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds, and how often to ask again."""

    connect: float
    first_byte: float
    idle: float
    total: float
    retries: int

    def limits(self, spent: float = 0.0) -> Limits:
        """The limits of asking that goes on now, when so many seconds of it were spent already."""
        return Limits(self.connect, self.first_byte, self.idle, time.monotonic() + self.total - spent)
