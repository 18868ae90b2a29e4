"""Times that a server sends are read by its own clock, and no header breaks the parser."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from math import isfinite

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpipe.api.server_times import parse_date, parse_retry_after, server_time

pytestmark = pytest.mark.laws

NOW = 1_790_000_000.0


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
