"""Retries are honest: only what may help, no sooner than told, never past the limit."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.retry import delay_before_retry, parse_date, parse_retry_after
from mmpipe.errors import QuotaError, ServerError

NOW = 1_790_000_000.0


def delay(
    error: ServerError | QuotaError, attempt: int = 1, left: float = 100, chance: float = 1
) -> float | None:
    return delay_before_retry(error, attempt=attempt, retries=3, seconds_left=left, chance=chance)


def test_what_cannot_help_is_not_tried() -> None:
    assert None is delay(QuotaError("balance"))


def test_the_retries_are_counted() -> None:
    assert None is delay(ServerError("down", retryable=True), attempt=4)
    assert None is not delay(ServerError("down", retryable=True), attempt=3)


def test_the_delay_doubles_up_to_a_limit() -> None:
    delays = [
        delay_before_retry(ServerError("", retryable=True), attempt=n, retries=9, seconds_left=99, chance=1)
        for n in range(1, 8)
    ]
    assert [0.5, 1, 2, 4, 8, 8, 8] == delays


@given(st.floats(0, 1), st.integers(1, 3))
def test_jitter_takes_at_most_half(chance: float, attempt: int) -> None:
    full = 0.5 * 2 ** (attempt - 1)
    found = delay(ServerError("", retryable=True), attempt, chance=chance)
    assert found is not None
    assert full / 2 <= found <= full


@given(st.floats(0, 90), st.floats(0, 1))
def test_retry_after_is_obeyed(seconds: float, chance: float) -> None:
    found = delay(QuotaError("", retryable=True, retry_after=seconds), chance=chance)
    assert found is not None
    assert seconds <= found


def test_retry_after_does_not_shorten_the_backoff() -> None:
    error = QuotaError("", retryable=True, retry_after=0)
    assert 8 == delay_before_retry(error, attempt=6, retries=9, seconds_left=99, chance=1)


def test_the_delay_is_finite_however_often_it_doubles() -> None:
    error = ServerError("", retryable=True)
    assert 8 == delay_before_retry(error, attempt=5000, retries=9999, seconds_left=99, chance=1)


def test_a_wait_past_the_limit_is_not_begun() -> None:
    assert None is delay(QuotaError("", retryable=True, retry_after=86_400))
    assert None is delay(ServerError("", retryable=True), left=0.3)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2),
        ("0.7", 0.7),
        (formatdate(NOW + 30, usegmt=True), 30),
        (formatdate(NOW - 30, usegmt=True), 0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("Tue, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_each_form(header: str | None, seconds: float | None) -> None:
    assert seconds == parse_retry_after(header, now=NOW)


@given(st.text())
def test_no_header_breaks_the_parser(text: str) -> None:
    found = parse_retry_after(text, now=NOW)
    assert found is None or found >= 0


def test_a_date_is_read_as_the_server_means_it() -> None:
    assert NOW == parse_date(formatdate(NOW, usegmt=True))
