"""Decides whether to retry after an error, and after how many seconds; the one rule of all commands."""

import random
from collections.abc import Callable

from mmpipe.api.refusals.codes import is_plan_window
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError

_FIRST = 0.5  # seconds
_LONGEST = 8.0
_DOUBLINGS = 10  # more of them reach the longest delay anyway, and in the end exceed a float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of `retries`, and the source of the jitter: `chance` gives numbers uniform in 0..1.

    With `waits_for_plan`, wait for the end of a used-up plan window, if the service named its time.
    """

    retries: int
    waits_for_plan: bool = False
    chance: Callable[[], float] = random.random

    def next_delay(self, error: MmpipeError, attempt: int, seconds_left: float) -> float | None:
        """Seconds to wait before the retry that follows attempt number `attempt` (from 1); None to give up.

        The delay doubles from attempt to attempt up to a limit; jitter takes at most half of it. The delay is never
        shorter than Retry-After. A wait that does not fit into `seconds_left` is not begun.
        """
        if attempt > self.retries or not self.may_help(error):
            return None
        chance = self.chance()
        longest: float = min(_LONGEST, _FIRST * 2 ** min(attempt - 1, _DOUBLINGS))
        delay = longest * (0.5 + chance / 2)
        if error.retry_after is not None:
            # A little later than Retry-After, so that clients that were given the same moment do not all come at once.
            delay = max(delay, error.retry_after + chance * _FIRST)
        return delay if delay < seconds_left else None

    def may_help(self, error: MmpipeError) -> bool:
        """True if the same request may succeed later, however many retries are left."""
        return error.retryable or (
            self.waits_for_plan and error.retry_after is not None and is_plan_window(error)
        )
