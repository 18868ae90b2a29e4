"""Retries are honest: only what may help, no sooner than told, never past the limit."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from math import isfinite

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpipe.api.retry import backoff, delay_before_retry, parse_date, parse_retry_after, server_time
from mmpipe.errors import QuotaError, ServerError

pytestmark = pytest.mark.laws

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


@pytest.mark.parametrize(("chance", "waited"), [(0, 30), (0.5, 30.25), (1, 30.5)])
def test_those_who_are_told_the_same_moment_come_within_half_a_second_after_it(
    chance: float, waited: float
) -> None:
    assert waited == delay(QuotaError("", retryable=True, retry_after=30), chance=chance)


@pytest.mark.parametrize(("chance", "waited"), [(0, 1), (0.5, 1.5), (1, 2)])
def test_chance_spreads_the_backoff_over_its_upper_half(chance: float, waited: float) -> None:
    assert waited == delay(ServerError("", retryable=True), 3, chance=chance)


def test_retry_after_does_not_shorten_the_backoff() -> None:
    error = QuotaError("", retryable=True, retry_after=0)
    assert 8 == delay_before_retry(error, attempt=6, retries=9, seconds_left=99, chance=1)


def test_the_delay_is_finite_however_often_it_doubles() -> None:
    error = ServerError("", retryable=True)
    assert 8 == delay_before_retry(error, attempt=5000, retries=9999, seconds_left=99, chance=1)


def test_a_wait_past_the_limit_is_not_begun() -> None:
    assert None is delay(QuotaError("", retryable=True, retry_after=86_400))
    assert None is delay(ServerError("", retryable=True), left=0.3)
    assert [None, 0.5] == [delay(ServerError("", retryable=True), left=left) for left in (0.5, 0.51)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2),
        ("0.7", 0.7),
        ("0", 0),
        ("1e400", None),
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


DATES = [
    "Sun",
    "Sunday",
    ", ",
    " ",
    "-",
    "06",
    "31",
    "Nov",
    "1994",
    "99999",
    "08:49:37",
    "24:61:61",
    "GMT",
    "-9999",
]
NUMBERS = ["0", "1e", "_", ".", "٣", "\0", "inf", "nan", "9" * 400]
SCRAPS = st.lists(st.sampled_from(DATES + NUMBERS) | st.text(max_size=3)).map("".join)


@given(SCRAPS, st.floats(allow_nan=False, allow_infinity=False))
def test_no_header_breaks_the_parser_and_none_makes_a_wait_that_is_none(text: str, now: float) -> None:
    found = parse_retry_after(text, now=now)
    assert found is None or (isfinite(found) and found >= 0)


FORMS = (
    "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S +0000",
    "%a, %d %b %Y %H:%M:%S -0000", "%a %b %e %H:%M:%S %Y",
)  # fmt: skip


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**9), st.integers(-(10**6), 10**6))
def test_a_wait_until_a_date_is_counted_by_the_clock_of_the_server(server: int, ahead: int) -> None:
    moment = datetime(1994, 11, 6, tzinfo=UTC) + timedelta(seconds=server + ahead)
    now = (datetime(1994, 11, 6, tzinfo=UTC) + timedelta(seconds=server)).timestamp()
    for form in FORMS:
        assert max(0, ahead) == parse_retry_after(moment.strftime(form), now=now)


@given(st.integers(0, 10**6), st.sampled_from(["{}", " {} ", "{}.0", "0{}"]))
def test_a_wait_in_seconds_is_that_number(seconds: int, form: str) -> None:
    assert seconds == parse_retry_after(form.format(seconds), now=NOW)


def test_a_date_is_read_as_the_server_means_it() -> None:
    assert NOW == parse_date(formatdate(NOW, usegmt=True))


@pytest.mark.parametrize("date", [None, "", "soon", "Tue, 99 Foo 2026 00:00:00 GMT"])
def test_without_a_date_that_can_be_read_our_own_clock_counts(date: str | None) -> None:
    assert NOW == server_time(formatdate(NOW, usegmt=True))
    assert None is parse_date(date)
    before = time.time()
    assert before <= server_time(date) <= time.time()


def test_a_share_of_the_backoff_is_waited() -> None:
    assert [0.25, 0.5, 1, 2, 4, 4] == [backoff(attempt, 0.5) for attempt in range(1, 7)]
