"""Keeps time of an outage: the server of a limit gives no answer, and so no request may be sent."""

from typing import Final

from mmpipe.batch.pace.permits import WaitLimit
from mmpipe.errors import NetworkError
from mmpipe.text.durations import format_rough_duration

_FIRST_DELAY: Final = 0.1  # seconds; doubled after each failure
_LONGEST_DELAY: Final = 2.0
_SHORTEST_STEP: Final = 1.0  # seconds that any step may take


class Outage:
    """The failures of the server at `place` since its last answer.

    One failure may be a connection that was closed, and is retried at once. The second in turn is reported.
    """

    def __init__(self, place: str, limit: WaitLimit) -> None:
        self._place, self._limit = place, limit
        self._failures = 0
        self._began = 0.0

    @property
    def is_on(self) -> bool:
        """True if the last step has failed."""
        return self._failures > 0

    @property
    def delay(self) -> float:
        """The seconds before the step is retried."""
        delay = _FIRST_DELAY * 2.0 ** min(self._failures - 2, 10)
        return 0.0 if self._failures <= 1 else min(delay, _LONGEST_DELAY)

    def left(self, now: float, waiting_since: float | None) -> float | None:
        """The seconds in which a step must end, for the request that waits since then; None without one."""
        if waiting_since is None:
            return None
        since = max(self._began, waiting_since) if self.is_on else now
        return max(_SHORTEST_STEP, self._limit.max_wait - (now - since))

    def note(self, reason: str, began: float, now: float, waiting_since: float | None) -> NetworkError | None:
        """Count the failure of a step that `began` then; the error that ends the run if a request waits for too long.

        `waiting_since` is the time of the oldest request that waits; None if there is none.
        """
        self._failures += 1
        if self._failures == 1:
            self._began = began
            return None
        since = now if waiting_since is None else max(self._began, waiting_since)
        most = self._limit.max_wait
        if waiting_since is not None and now - since >= most:
            return NetworkError(
                f"the limiter {self._place} has given no permits for --max-wait {most:g}: {reason}",
                retryable=True,
            )
        if self._failures == 2:  # noqa: PLR2004  the second
            self._limit.report(
                f"no permits from the limiter {self._place}, so no requests: {reason}; retried for --max-wait {most:g} at most"
            )
        return None

    def end(self, now: float) -> None:
        """Note that the server has answered."""
        if self._failures > 1:
            lasted = format_rough_duration(now - self._began)
            self._limit.report(f"the limiter {self._place} gives permits again, after {lasted}")
        self._failures = 0
