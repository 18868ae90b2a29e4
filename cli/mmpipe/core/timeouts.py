"""Limits on time: the durations that the user chose, and the deadline of one request."""

import time

from mmpipe.dataclass import dataclass
from mmpipe.errors import TimedOut


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in seconds; `deadline` is a time of the monotonic clock, for all attempts together."""

    connect: float
    first_byte: float
    idle: float
    deadline: float

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.deadline - time.monotonic()

    def check_deadline(self) -> float:
        """Return the seconds until the deadline; raise TimedOut after it."""
        left = self.seconds_left
        if left <= 0:
            raise TimedOut("no whole answer within the total limit (--max-time)")
        return left


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
