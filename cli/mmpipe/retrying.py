"""What every command does that asks the service: it says where it asks, and asks again where that may help."""

import time

from mmpipe.api.retry import RetryPolicy
from mmpipe.config.settings import Settings
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import MmpipeError, TimedOut
from mmpipe.unix.streams import Output
from mmpipe.writers.console import Console

_LOOK = 0.25  # seconds between two looks at the output while waiting to ask again


def announce_endpoint(settings: Settings, console: Console) -> Endpoint:
    """Where to ask; `-v` tells it, and everything else that was chosen, with its source."""
    endpoint = settings.endpoint()
    # A service that repeats what it was sent has many ways to have it said.
    console.set_mask(endpoint.key.mask)
    for line in settings.explain():
        console.note(line)
    console.note(f"asking {endpoint.base_url} with the key of: {endpoint.key.source}")
    return endpoint


class RetryLoop:
    """Asking again: whether, and the wait until then; `limits` begin now and hold for all attempts together.

    `output` is where the answer is to go. If its reader goes away while it is waited for, nobody wants it any more.
    """

    def __init__(self, patience: Timeouts, output: Output, console: Console) -> None:
        self.limits = patience.limits()
        self._policy = RetryPolicy(patience.retries)
        self._output, self._console = output, console

    def delay(self, error: MmpipeError, attempt: int) -> float | None:
        """Seconds until asking again after the `attempt`-th try (from 1); None if it is no use."""
        return self._policy.next_delay(error, attempt, self.limits.deadline - time.monotonic())

    def wait(self, delay: float, error: MmpipeError, attempt: int) -> None:
        """Say what went wrong, and let the seconds pass."""
        self._console.note(f"attempt {attempt} failed: {error.message}; asking again in {delay:.1f} s")
        end = time.monotonic() + delay
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
            self.look()

    def seconds_left(self) -> float:
        """Of all the time that there is; raises TimedOut when it is over."""
        left = self.limits.deadline - time.monotonic()
        if left <= 0:
            raise TimedOut("no whole answer within the total limit (--max-time)")
        return left

    def look(self) -> None:
        """What is to be done some times a second, whatever is waited for."""
        self._console.tick()
        if self._output.is_main:
            self._output.check_reader()
