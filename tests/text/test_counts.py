"""One thing is named in the singular."""

import pytest

from mmpipe.text.counts import format_count


@pytest.mark.parametrize(("number", "words"), [(0, "0 records"), (1, "1 record"), (2, "2 records")])
def test_only_one_thing_is_singular(number: int, words: str) -> None:
    assert words == format_count(number, "record")


def test_words_may_have_a_plural_of_their_own() -> None:
    assert ["1 id is", "2 ids are"] == [format_count(number, "id is", "ids are") for number in (1, 2)]
