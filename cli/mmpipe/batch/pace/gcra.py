"""Spaces requests and tokens by GCRA, the generic cell rate algorithm: pure steps over a frozen state.

Times are seconds of a clock that all users of one state share.
"""

import math
from dataclasses import replace

from mmpipe.dataclass import dataclass

_MINUTE = 60.0
# The size of the bucket, in seconds of the rate. The content of a bucket goes out in the first minute on top of the
# rate. With as much again for requests that the network bunches up, these are at most 605 requests at 600 a minute.
# A smaller bucket slows nothing down, since a request reserves its time before it waits.
BURST_S = 0.25
# Services count tokens by the minute: what one answer took long ago, or is said to have taken, holds nobody for longer.
LONGEST_DEBT_S = 600.0
# Seconds from now: no run reserves requests or tokens further ahead, and no pause is longer. A later time is not valid.
LATEST_S = (3600.0, 3600.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Rates:
    """The requests and tokens allowed a minute; None is no limit."""

    requests: float | None = None
    tokens: float | None = None

    @property
    def interval(self) -> float:
        """The seconds between two requests; a minute, in which the rates are counted, at least."""
        return max(_MINUTE, _duration(1, self.requests))

    def divided(self, parts: int) -> "Rates":
        """The rates of one of so many equal parts."""
        return Rates(*(None if rate is None else rate / parts for rate in (self.requests, self.tokens)))


@dataclass(frozen=True, slots=True)
class RateState:
    """The theoretical arrival times of GCRA, at which each bucket is full again, and the end of a pause."""

    requests: float = 0.0
    tokens: float = 0.0
    paused_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Charge:
    """The cost of one request, in seconds of each rate.

    A reservation moves the theoretical arrival times by `requests` and `tokens`. It may start before them by the slack,
    which is endless without a rate.
    """

    requests: float
    tokens: float
    request_slack: float
    token_slack: float


def charge(rates: Rates, tokens: float) -> Charge:
    """The cost of a request of so many tokens."""
    return Charge(
        _duration(1, rates.requests),
        _debt(tokens, rates),
        _slack(rates.requests, 1),
        _slack(rates.tokens, tokens),
    )


def reserve(state: RateState, rates: Rates, tokens: float, now: float) -> tuple[RateState, float]:
    """Reserve a time for one request of so many tokens; the new state, and the seconds to wait before sending.

    In any window there are at most `rate * window + bucket` requests, and as many tokens, except for a request that is
    larger than the bucket: it waits until the bucket is full, and the requests behind it wait for its debt, at most
    ten minutes.
    """
    return take(state, charge(rates, tokens), now)


def take(state: RateState, cost: Charge, now: float) -> tuple[RateState, float]:
    """Reserve a time for a request of this cost; as `reserve`."""
    start = max(now, state.paused_until, state.requests - cost.request_slack, state.tokens - cost.token_slack)
    taken = RateState(
        max(state.requests, start) + cost.requests, max(state.tokens, start) + cost.tokens, state.paused_until
    )
    return taken, start - now


def settle(state: RateState, rates: Rates, reserved: float, used: float, now: float) -> RateState:
    """The state once `used` tokens replace the `reserved` ones."""
    return charge_later(state, difference(rates, reserved, used), now)


def charge_later(state: RateState, seconds: float, now: float) -> RateState:
    """The state with so many seconds of tokens more, or fewer below 0."""
    longest = max(state.tokens, now + LONGEST_DEBT_S)
    return replace(state, tokens=min(state.tokens + seconds, longest))


def difference(rates: Rates, reserved: float, used: float) -> float:
    """The seconds by which `used` tokens cost more than the `reserved` ones."""
    return _debt(used, rates) - _debt(reserved, rates)


def pause(state: RateState, until: float) -> RateState:
    """The state that holds every request until then, or longer if it is paused for longer already."""
    return replace(state, paused_until=max(state.paused_until, until))


def bucket(rate: float) -> float:
    """The requests, or tokens, that may go at once after a rest."""
    return max(1.0, rate * BURST_S / _MINUTE)


def _debt(tokens: float, rates: Rates) -> float:
    """The seconds for which later requests wait for so many tokens."""
    return min(_duration(tokens, rates.tokens), LONGEST_DEBT_S)


def _slack(rate: float | None, size: float) -> float:
    """The seconds that a request of this size may start before its bucket is full."""
    return math.inf if rate is None else _duration(max(0.0, bucket(rate) - size), rate)


def _duration(size: float, rate: float | None) -> float:
    """The seconds in which the rate allows so much."""
    return 0.0 if rate is None else size * _MINUTE / rate
