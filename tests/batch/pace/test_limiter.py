"""A run keeps to its rates in every minute, uses them fully, and starves no request."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.pace.gcra import Rates, RateState, bucket, pause, reserve, settle
from mmpipe.batch.pace.limiter import LocalLimiter

RATES = st.floats(1, 10_000)
GAPS = st.lists(st.floats(0, 90), min_size=1, max_size=60)


class Clock:
    """A clock that moves only on request."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def saturated(rates: Rates, seconds: float, reserved: float = 0, used: float = 0) -> list[float]:
    """When each request goes if the next one is always there."""
    clock, starts = Clock(), list[float]()
    limiter, end = LocalLimiter(rates, clock), clock.now + seconds
    while True:
        clock.now += limiter.reserve(reserved)
        if clock.now >= end:
            return starts
        starts.append(clock.now)
        limiter.settle(reserved, used)


def most_in_a_minute(starts: Sequence[float]) -> int:
    """The most requests in any 60 seconds, both ends counted."""
    first, most = 0, 0
    for last, start in enumerate(starts):
        while starts[first] < start - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def within(starts: Iterable[float], begin: float, end: float) -> int:
    return sum(begin <= start - 1000 < end for start in starts)


def test_ten_minutes_at_600_have_no_minute_above_605_and_waste_none() -> None:
    starts = saturated(Rates(requests=600), 600)
    assert 605 >= most_in_a_minute(starts)
    assert [600] * 9 == [within(starts, 60 * minute, 60 * minute + 60) for minute in range(1, 10)]


def test_the_first_minute_has_no_burst() -> None:
    assert 605 >= within(saturated(Rates(requests=600), 60), 0, 60)


def test_a_free_plan_of_20_a_minute_is_one_each_three_seconds() -> None:
    starts = saturated(Rates(requests=20), 12)
    assert [1000, 1003, 1006, 1009] == pytest.approx(starts)


def test_ten_minutes_of_tokens_keep_to_the_limit_and_use_it() -> None:
    starts = saturated(Rates(tokens=1_000_000), 600, reserved=5_000, used=5_000)
    assert 201 >= most_in_a_minute(starts)
    assert 200 == within(starts, 60, 120)


def test_tokens_given_back_are_used_by_the_next_requests() -> None:
    starts = saturated(Rates(tokens=1_000_000), 180, reserved=5_000, used=1_000)
    assert 1000 == pytest.approx(within(starts, 60, 120), abs=5)
    assert 1_010_000 >= 1_000 * most_in_a_minute(starts)


def test_tokens_used_beyond_the_estimate_delay_the_next_requests() -> None:
    starts = saturated(Rates(tokens=1_000_000), 180, reserved=1_000, used=5_000)
    assert 200 == pytest.approx(within(starts, 60, 120), abs=1)


def test_the_stricter_of_both_limits_holds() -> None:
    both = Rates(requests=600, tokens=1_000_000)
    assert 600 == within(saturated(both, 120, 10, 10), 60, 120)
    assert 100 == within(saturated(both, 120, 10_000, 10_000), 60, 120)


def test_a_request_larger_than_the_bucket_waits_for_a_full_one_and_goes() -> None:
    rates = Rates(tokens=6_000)
    state, first = reserve(RateState(), rates, 10, 1000)
    state, huge = reserve(state, rates, 12_000, 1000)
    state, after = reserve(state, rates, 10, 1000)
    assert [0, 0.1, 119.95] == pytest.approx([first, huge, after])


def test_without_rates_no_request_waits() -> None:
    limiter = LocalLimiter(Rates(), Clock())
    assert [0] * 5 == [limiter.reserve(10**9) for _ in range(5)]


def test_a_pause_holds_all_requests_and_no_burst_follows() -> None:
    clock = Clock()
    limiter = LocalLimiter(Rates(requests=60), clock)
    limiter.pause(30)
    assert [30, 31, 32] == [limiter.reserve(0) for _ in range(3)]


def test_a_pause_ends_with_time() -> None:
    clock = Clock()
    limiter = LocalLimiter(Rates(requests=60), clock)
    assert 0 == limiter.paused()
    limiter.pause(30)
    left = [limiter.paused()]
    for _ in range(2):
        clock.now += 20
        left.append(limiter.paused())
    assert [30, 10, 0] == left


def test_reading_the_pause_reserves_nothing() -> None:
    limiter = LocalLimiter(Rates(requests=60), Clock())
    assert [0, 0, 0, 1] == [limiter.paused(), limiter.reserve(0), limiter.paused(), limiter.reserve(0)]


def test_a_pause_outlasts_reserving_and_settling() -> None:
    limiter = LocalLimiter(Rates(requests=60, tokens=6_000), Clock())
    limiter.pause(30)
    limiter.reserve(10)
    limiter.settle(10, 20)
    assert 30 == limiter.paused()


def test_a_run_without_a_rate_takes_nothing_from_runs_with_one() -> None:
    state, _ = reserve(RateState(), Rates(requests=60), 10_000, 1000)
    state = settle(state, Rates(requests=60), 10_000, 20_000, 1000)
    assert 0 == reserve(state, Rates(tokens=6_000), 100, 1000)[1]
    state, _ = reserve(RateState(), Rates(tokens=6_000), 100, 1000)
    assert 0 == reserve(state, Rates(requests=60), 100, 1000)[1]


def test_the_monotonic_clock_is_the_default() -> None:
    limiter = LocalLimiter(Rates(requests=60))
    assert 0 == limiter.reserve(0)
    assert 0 < limiter.reserve(0) <= 1


@pytest.mark.parametrize(
    ("rates", "part"),
    [
        (Rates(600, 9_000), Rates(200, 3_000)),
        (Rates(600), Rates(200)),
        (Rates(tokens=9_000), Rates(tokens=3_000)),
        (Rates(), Rates()),
    ],
)
def test_rates_are_divided_into_equal_parts(rates: Rates, part: Rates) -> None:
    assert part == rates.divided(3)


@pytest.mark.parametrize(("rate", "at_once"), [(20, 1), (240, 1), (480, 2), (1_000_000, 1_000_000 / 240)])
def test_after_a_rest_a_quarter_of_a_second_goes_at_once_and_always_one_request(
    rate: float, at_once: float
) -> None:
    assert pytest.approx(at_once) == bucket(rate)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    assert 90 == pause(pause(RateState(), 90), 80).paused_until


def test_a_pause_holds_even_without_limits() -> None:
    limiter = LocalLimiter(Rates(), Clock())
    limiter.pause(7)
    assert 7 == limiter.reserve(1)


def test_a_rest_saves_up_no_more_than_the_bucket() -> None:
    state, rates = RateState(), Rates(requests=600)
    for _ in range(5):
        state, _ = reserve(state, rates, 0, 1000)
    waits = []
    for _ in range(4):
        state, wait = reserve(state, rates, 0, 9000)
        waits.append(wait)
    assert [0, 0, 0.05, 0.15] == pytest.approx(waits)


@given(RATES, GAPS)
def test_no_window_has_more_requests_than_the_rate_and_one_bucket(rate: float, gaps: list[float]) -> None:
    state, now, starts = RateState(), 0.0, list[float]()
    for gap in gaps:
        now += gap / rate
        state, wait = reserve(state, Rates(requests=rate), 0, now)
        starts.append(now + wait)
    starts.sort()
    for i, begin in enumerate(starts):
        for j, end in enumerate(starts[i:], start=1):
            assert rate * (end - begin) / 60 + bucket(rate) + 1e-6 >= j


@given(RATES, st.lists(st.tuples(st.floats(0, 9), st.floats(0, 10)), min_size=1, max_size=40))
def test_no_window_has_more_tokens_than_the_rate_and_one_bucket_or_request(
    rate: float, arrivals: list[tuple[float, float]]
) -> None:
    state, now, starts = RateState(), 0.0, list[tuple[float, float]]()
    for gap, minutes in arrivals:
        now += gap
        tokens = minutes * rate
        state, wait = reserve(state, Rates(tokens=rate), tokens, now)
        starts.append((now + wait, tokens))
    most = max(bucket(rate), *(tokens for _, tokens in starts), 0)
    for i, (begin, _) in enumerate(starts):
        total = 0.0
        for end, tokens in starts[i:]:
            total += tokens
            assert rate * (end - begin) / 60 + most + 0.01 >= total


NUMBERS = st.floats(0, 1e308) | st.integers(0, 2**40)


@given(RATES, st.lists(st.tuples(st.floats(0, 900), NUMBERS, NUMBERS), min_size=1, max_size=40))
def test_no_number_of_tokens_holds_the_next_request_for_more_than_ten_minutes(
    rate: float, answers: list[tuple[float, float, float]]
) -> None:
    clock = Clock()
    limiter, lying = LocalLimiter(Rates(tokens=rate), clock), list[tuple[float, float]]()
    for gap, reserved, used in answers:
        clock.now += limiter.reserve(reserved)
        lying.append((reserved, used))
        # Some answers come together.
        while gap > 450 and lying:
            limiter.settle(*lying.pop())
        wait = LocalLimiter.reserve(limiter, 0)
        assert 0 <= wait <= 600 + 1e-3
        clock.now += gap


def test_a_debt_of_one_request_takes_nothing_from_that_of_others() -> None:
    # The reserved tokens are given back as they were taken: for ten minutes, and not for years.
    limiter = LocalLimiter(Rates(tokens=1000), Clock())
    assert [0, 600] == pytest.approx([limiter.reserve(2e12), limiter.reserve(1000)])
    limiter.settle(2e12, 1000)
    assert 60 + 60 - 0.25 == pytest.approx(limiter.reserve(1000), abs=1)


@given(
    st.builds(Rates, st.none() | RATES, st.none() | RATES),
    st.lists(st.tuples(st.floats(0, 60), st.floats(0, 1e6), st.floats(0, 1e6), st.booleans()), max_size=40),
)
def test_no_order_of_reserving_and_settling_makes_a_wait_negative_or_endless(
    rates: Rates, steps: list[tuple[float, float, float, bool]]
) -> None:
    state, now = RateState(), 0.0
    for gap, reserved, used, settles in steps:
        now += gap
        if settles:
            state = settle(state, rates, reserved, used, now)
        else:
            state, wait = reserve(state, rates, reserved, now)
            assert 0 <= wait < float("inf")
