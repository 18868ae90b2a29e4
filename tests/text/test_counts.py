"""One thing is named in the singular."""

from collections.abc import Sequence

import pytest

from mmpipe.text.counts import format_amount, format_count, format_ranges


@pytest.mark.parametrize(("number", "words"), [(0, "0 records"), (1, "1 record"), (2, "2 records")])
def test_only_one_thing_is_singular(number: int, words: str) -> None:
    assert words == format_count(number, "record")


def test_words_may_have_a_plural_of_their_own() -> None:
    assert ["1 id is", "2 ids are"] == [format_count(number, "id is", "ids are") for number in (1, 2)]


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [([], ""), ([3], "3"), ([1, 2], "1-2"), ([3, 17, 90, 91, 92, 94], "3,17,90-92,94"), (range(9), "0-8")],
)
def test_numbers_are_shown_as_ranges(numbers: Sequence[int], shown: str) -> None:
    assert shown == format_ranges(numbers)


def test_of_many_ranges_the_first_are_shown() -> None:
    assert "1-2,4,..." == format_ranges([1, 2, 4, 6, 7], most=2)
    assert "1-2,4" == format_ranges([1, 2, 4], most=2)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.00001, "0.00001"), (5.0, "5"), (1234567.0, "1235000"), (0.30000000004, "0.3"), (0.0, "0")],
)
def test_an_amount_has_no_exponent(number: float, shown: str) -> None:
    assert shown == format_amount(number)
