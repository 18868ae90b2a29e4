"""Limit the requests a minute."""

from collections import deque

_WINDOW_S = 60.0


class RateLimit:
    """A sliding window of one minute; a refused request does not count."""

    def __init__(self, rpm: int | None) -> None:
        self._rpm = rpm
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Return True if a request is admitted at `now`, in seconds of a monotonic clock, and count it."""
        if self._rpm is None:
            return True
        while self._admitted and now - self._admitted[0] >= _WINDOW_S:
            self._admitted.popleft()
        if len(self._admitted) >= self._rpm:
            return False
        self._admitted.append(now)
        return True
