"""Durations are written and read with units."""

import pytest

from mmpipe.text.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("90s", 90),
        ("1.5m", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("1d2h3m4.5s", 93784.5),
        ("-1", -1),
    ],
)
def test_a_duration_is_a_number_of_seconds_or_has_units(word: str, seconds: float) -> None:
    assert seconds == parse_duration(word)


@pytest.mark.parametrize(
    "word", ["", "s", "m2", "1x", "1ms", "2h1d", "1m1m", "-1s", "1 h", "1..2s", "1_0s", "٣s", "1e3s", "h1m"]
)
def test_anything_else_is_no_duration(word: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  as `float` does
        parse_duration(word)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "a moment"), (3900, "1 h 5 min"), (61, "1 min 1 s"), (7200, "2 h")]
)
def test_a_duration_is_shown_to_the_second(seconds: float, words: str) -> None:
    assert words == format_duration(seconds)
