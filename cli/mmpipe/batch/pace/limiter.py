"""The rate limiter: its protocol, and the one that limits this process alone."""

import time
from collections.abc import Callable
from typing import Protocol

from mmpipe.batch.pace.gcra import Rates, RateState, pause, reserve, settle

Step = Callable[[RateState, float], tuple[RateState, float]]


class Limiter(Protocol):
    """Reserves a time for each request, learns the tokens that it used, and pauses all of them.

    `rates` are what it allows a minute.
    """

    @property
    def rates(self) -> Rates: ...

    def reserve(self, tokens: float) -> float: ...
    def settle(self, reserved: float, used: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def paused(self) -> float: ...


class LocalLimiter:
    """The limits of this process alone.

    `Permits` holds a lock from `reserve` to the end of the wait, so at most one reservation is open. Tokens given back
    and pauses count at once, and a killed run wastes one reserved time, not hundreds.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates
        self._clock = clock
        self._state = RateState()

    def reserve(self, tokens: float) -> float:
        """Reserve a time for a request; the seconds to wait before sending."""
        return self._take(lambda state, now: reserve(state, self.rates, tokens, now))

    def settle(self, reserved: float, used: float) -> None:
        """Replace the reserved tokens by those that the request used."""
        self._take(lambda state, now: (settle(state, self.rates, reserved, used, now), 0.0))

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        self._take(lambda state, now: (pause(state, now + seconds), 0.0))

    def paused(self) -> float:
        """The seconds that are left of a pause."""
        return self._take(lambda state, now: (state, max(0.0, state.paused_until - now)))

    def _take(self, step: Step) -> float:
        self._state, seconds = step(self._state, self._clock())
        return seconds
