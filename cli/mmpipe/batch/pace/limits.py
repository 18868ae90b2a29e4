"""Keeps to so many requests and tokens a minute: GCRA with one wait for both, as pure steps over a frozen state.

Times are seconds of CLOCK_MONOTONIC, which all processes of one machine share since its boot.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

_MINUTE = 60.0
# The bucket, in seconds' worth. Nothing is lost by a small one, since a slot is reserved before it is waited for; a
# large one would let through its content and a minute's refill in the first minute. A quarter leaves as much again
# for what the network bunches up before the whole is half a second's worth: 605 of 600 a minute.
_BURST_S = 0.25


@dataclass(frozen=True, slots=True)
class Rates:
    """How much is allowed a minute; None is no limit."""

    requests: float | None = None
    tokens: float | None = None

    def divided(self, parts: int) -> "Rates":
        """What each of so many equal parts is allowed."""
        return Rates(*(None if rate is None else rate / parts for rate in (self.requests, self.tokens)))


@dataclass(frozen=True, slots=True)
class State:
    """The theoretical arrival times of GCRA: when each bucket is full again; and when a pause ends."""

    requests: float = 0.0
    tokens: float = 0.0
    paused_until: float = 0.0


def reserve(state: State, rates: Rates, tokens: float, now: float) -> tuple[State, float]:
    """Take a place for one request of so many tokens; the seconds to wait before it may go.

    In any window there are at most `rate * window + bucket` requests; of tokens too, or as much more as one request
    that is larger than the bucket: that one waits for a full bucket, and those after it for its debt.
    """
    start = max(
        now,
        state.paused_until,
        _earliest(state.requests, rates.requests, 1),
        _earliest(state.tokens, rates.tokens, tokens),
    )
    taken = State(
        max(state.requests, start) + _worth(1, rates.requests),
        max(state.tokens, start) + _worth(tokens, rates.tokens),
        state.paused_until,
    )
    return taken, start - now


def settle(state: State, rates: Rates, reserved: float, used: float) -> State:
    """Give back what was reserved and not used, or take what was used beyond it."""
    return replace(state, tokens=state.tokens + _worth(used - reserved, rates.tokens))


def pause(state: State, until: float) -> State:
    """Hold every request until then; a longer pause that is on already stays."""
    return replace(state, paused_until=max(state.paused_until, until))


def bucket(rate: float) -> float:
    """How much may go at once after a rest."""
    return max(1.0, rate * _BURST_S / _MINUTE)


def _earliest(full: float, rate: float | None, size: float) -> float:
    if rate is None:
        return -math.inf
    return full - _worth(max(0.0, bucket(rate) - size), rate)


def _worth(size: float, rate: float | None) -> float:
    """The seconds in which the rate lets so much through."""
    return 0.0 if rate is None else size * _MINUTE / rate


Step = Callable[[State, float], tuple[State, float]]


class LocalLimiter:
    """The limits of this process alone.

    One caller at a time is to reserve, wait, and go at once; the next one reserves after that. Then no request goes
    later than its place, where it would meet the next ones; what was given back and every pause count at once; and
    a killed run leaves one place unused instead of hundreds.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._state = State()

    def reserve(self, tokens: float) -> float:
        """Take a place for a request; the seconds to wait before it may go."""
        return self._take(lambda state, now: reserve(state, self._rates, tokens, now))

    def settle(self, reserved: float, used: float) -> None:
        """Tell what the request really used."""
        self._take(lambda state, _: (settle(state, self._rates, reserved, used), 0.0))

    def pause(self, seconds: float) -> None:
        """Hold every request for so long, as the service asked."""
        self._take(lambda state, now: (pause(state, now + seconds), 0.0))

    def paused(self) -> float:
        """How many seconds of a pause are left."""
        return self._take(lambda state, now: (state, max(0.0, state.paused_until - now)))

    def _take(self, step: Step) -> float:
        self._state, found = step(self._state, self._clock())
        return found
