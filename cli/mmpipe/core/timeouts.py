"""Limits on time: the durations that the user chose, and the deadline of one request."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in seconds; `deadline` is a time of the monotonic clock, for all attempts together."""

    connect: float
    first_byte: float
    idle: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Longest waits in seconds, and the most retries."""

    connect: float
    first_byte: float
    idle: float
    total: float
    retries: int

    def limits(self, spent: float = 0.0) -> Limits:
        """Return the limits of a request that starts or continues now, after `spent` seconds of its total."""
        return Limits(self.connect, self.first_byte, self.idle, time.monotonic() + self.total - spent)
