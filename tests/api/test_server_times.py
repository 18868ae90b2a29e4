"""Times that a server sends are read by its own clock, and no header breaks the parser."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmpipe.api.server_times import find_waits, parse_retry_after, server_time

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
        ("3s", 3),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("2m59.56s", 179.56),
        ("1 h 5 min", 3900),
        ("2 Minutes", 120),
        ("250us", 0.00025),
        ("1d", 86_400),
        ("9" * 400 + "h", 1e9),
        ("9" * 400, 1e9),
        ("3, 5", 5),
        ("5s, 3s, soon", 5),
        ("3, 2026-09-21T14:13:50Z", 30),
        ("2026-09-21T14:13:50Z", 30),
        ("2026-09-21T16:13:50+02:00", 30),
        ("10 parsecs", None),
        ("5 months", None),
        ("s", None),
        (", ,", None),
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


def test_a_number_of_milliseconds_is_one_and_a_unit_of_its_own_is_kept() -> None:
    assert [0.25, 3, 0.5] == [
        parse_retry_after(text, now=NOW, unit=1e-3) for text in ("250", "3s", "500, 20")
    ]


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        ("Please try again in 20s. Visit our site.", [20]),
        ("Please try again in 6m0s.", [360]),
        ("please RETRY AFTER 26 seconds", [26]),
        ("Please retry in 34.5s.", [34.5]),
        ("wait 5 minutes, then go on", [300]),
        ("resets at 2026-09-21T14:13:50Z (2056)", [30]),
        ("resets at 2026-09-21T14:13:00Z (2056)", [0]),
        ("resets at 2026-99-99T00:00:00Z", []),
        ("retry after 3 requests", []),
        ("retry later (1002)", []),
        ("retry in a while", []),
    ],
)
def test_a_wait_in_the_words_of_an_error_is_found(reason: str, seconds: list[float]) -> None:
    assert seconds == list(find_waits([], reason, now=NOW))


def test_the_waits_of_an_error_are_those_of_its_fields_and_their_details() -> None:
    details = [{"retryDelay": "34s"}, "x", {"retryDelay": {"seconds": 3}}]
    error = {
        "retry_after": 2,
        "retry_after_ms": "250",
        "estimated_time": 20.5,
        "details": details,
        "metadata": {"retryAfter": "1m"},
    }
    assert [2, 0.25, 20.5, 34, 60] == list(find_waits([error], "", now=NOW))
    assert [] == list(
        find_waits([{"retry_after": None, "details": {"retryDelay": "3s"}, "metadata": []}], "", now=NOW)
    )


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
NUMBERS = ["0", "s", "ms", "m", ",", "T", "1e", "_", ".", "٣", "\0", "inf", "nan", "9" * 400]
SCRAPS = st.lists(st.sampled_from(DATES + NUMBERS) | st.text(max_size=3)).map("".join)


@given(SCRAPS, st.floats(allow_nan=False, allow_infinity=False))
def test_no_header_breaks_the_parser_and_none_makes_a_wait_that_is_none(text: str, now: float) -> None:
    found = parse_retry_after(text, now=now)
    assert found is None or 0 <= found <= 1e9
    assert all(0 <= wait <= 1e9 for wait in find_waits([{"retry_after": text}], f"retry in {text}", now=now))


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
    assert NOW == server_time(formatdate(NOW, usegmt=True))


@pytest.mark.parametrize("date", [None, "", "soon", "Tue, 99 Foo 2026 00:00:00 GMT"])
def test_without_a_date_that_can_be_read_our_own_clock_counts(date: str | None) -> None:
    before = time.time()
    assert before <= server_time(date) <= time.time()
