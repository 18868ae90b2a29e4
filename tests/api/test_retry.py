"""Retries are honest: only what may help, never sooner than Retry-After, never past the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.retry import RetryPolicy
from mmpipe.errors import MmpipeError, QuotaError, ServerError

pytestmark = pytest.mark.laws

DOWN = ServerError("down", retryable=True)


def delay(
    error: MmpipeError,
    attempt: int = 1,
    *,
    left: float = 100,
    chance: float = 1,
    retries: int = 3,
    waits_for_plan: bool = False,
) -> float | None:
    policy = RetryPolicy(retries, waits_for_plan=waits_for_plan, chance=lambda: chance)
    return policy.next_delay(error, attempt, left)


def test_no_retry_is_made_if_it_cannot_help() -> None:
    assert None is delay(QuotaError("balance"))


def test_the_retries_are_counted() -> None:
    assert None is delay(DOWN, attempt=4)
    assert None is not delay(DOWN, attempt=3)


def test_the_delay_doubles_up_to_a_limit() -> None:
    assert [0.5, 1, 2, 4, 8, 8, 8] == [delay(DOWN, attempt, retries=9) for attempt in range(1, 8)]


@given(st.floats(0, 1), st.integers(1, 3))
def test_jitter_takes_at_most_half(chance: float, attempt: int) -> None:
    full = 0.5 * 2 ** (attempt - 1)
    found = delay(DOWN, attempt, chance=chance)
    assert found is not None
    assert full / 2 <= found <= full


@given(st.floats(0, 90), st.floats(0, 1))
def test_retry_after_is_obeyed(seconds: float, chance: float) -> None:
    found = delay(QuotaError("", retryable=True, retry_after=seconds), chance=chance)
    assert found is not None
    assert seconds <= found


@pytest.mark.parametrize(("chance", "waited"), [(0, 30), (0.5, 30.25), (1, 30.5)])
def test_clients_that_were_given_the_same_moment_come_within_half_a_second_after_it(
    chance: float, waited: float
) -> None:
    assert waited == delay(QuotaError("", retryable=True, retry_after=30), chance=chance)


@pytest.mark.parametrize(("chance", "waited"), [(0, 1), (0.5, 1.5), (1, 2)])
def test_chance_spreads_the_backoff_over_its_upper_half(chance: float, waited: float) -> None:
    assert waited == delay(DOWN, 3, chance=chance)


def test_each_delay_has_a_jitter_of_its_own() -> None:
    policy = RetryPolicy(retries=9)
    assert 1 < len({policy.next_delay(DOWN, 1, 100) for _ in range(50)})


def test_retry_after_does_not_shorten_the_backoff() -> None:
    assert 8 == delay(QuotaError("", retryable=True, retry_after=0), attempt=6, retries=9)


def test_the_delay_is_finite_however_often_it_doubles() -> None:
    assert 8 == delay(DOWN, attempt=5000, retries=9999)


def test_a_wait_past_the_limit_is_not_begun() -> None:
    assert None is delay(QuotaError("", retryable=True, retry_after=86_400))
    assert None is delay(DOWN, left=0.3)
    assert [None, 0.5] == [delay(DOWN, left=left) for left in (0.5, 0.51)]


def test_a_used_up_plan_window_is_waited_for_only_on_request_and_only_if_its_end_is_known() -> None:
    known = QuotaError("used up", http=429, api_code=2056, retry_after=30)
    unknown = QuotaError("used up", http=429, api_code=2056)
    assert [None, 30.5] == [delay(known, waits_for_plan=wanted) for wanted in (False, True)]
    assert None is delay(unknown, waits_for_plan=True)
    assert None is delay(QuotaError("no money", api_code=1008, retry_after=30), waits_for_plan=True)
