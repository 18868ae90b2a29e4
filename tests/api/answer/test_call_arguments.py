"""The arguments of a call are read as they were meant, and valid ones are never changed."""

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mmpipe.api.answer.call_arguments import EndFinder, is_part, read_arguments
from support.json_texts import written
from support.piece_cuts import PLACES, cut

JSON_TEXTS = written().map(lambda text: text.source)
WHOLE = '{"city":"Paris","days":[1,2]}'


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], "{}"),
        (["", " "], "{}"),
        (["null"], "{}"),
        (["nu", "ll"], "{}"),
        (["null", "null"], "{}"),
        (["{}", "null"], "{}"),
        (["", "{}", " {}"], "{}"),
        (["[]", WHOLE], WHOLE),
        (["null", "{}", '""', WHOLE, "{}"], WHOLE),
        (['{"city":"Pa"}', '{"city":"Paris"}'], '{"city":"Paris"}'),
        ([WHOLE, WHOLE, WHOLE], WHOLE),
        ([WHOLE[:9], WHOLE[9:], json.dumps(json.loads(WHOLE))], json.dumps(json.loads(WHOLE))),
        ([WHOLE[:9], WHOLE[9:12], WHOLE], WHOLE),
        (["{}", WHOLE[:9], WHOLE[:12], WHOLE], WHOLE),
        (["{", "{}"], "{}"),
        ([WHOLE[:9], WHOLE[:12], WHOLE, WHOLE], WHOLE),
        # A first surrogate at the end of a cumulative piece.
        (['{"a":"\ud83d', '{"a":"\ud83d\ude00"}'], '{"a":"\U0001f600"}'),
        # Two calls in one, or what is no JSON: as it came.
        (['{"a":1}', '{"a":2}'], '{"a":1}{"a":2}'),
        (['{"a":1}', '{"b":2}'], '{"a":1}{"b":2}'),
        (['{"a":1}{"a":1}'], '{"a":1}{"a":1}'),
        (['{"a":tru}', '{"a":tru}'], '{"a":tru}{"a":tru}'),
        (['{"a', '{"a":'], '{"a{"a":'),
        (['{"a":true}', '{"a":1}'], '{"a":true}{"a":1}'),
        ([" ", "{}"], " {}"),
        (["[1]", "2"], "[1]2"),
        (["2", "[1]"], "2[1]"),
        # Empty documents do not count, whatever spaces they have.
        (["\xa0{", "}", '"x"'], '"x"'),
    ],
)
def test_arguments_are_read_from_pieces_that_repeat(pieces: list[str], expected: str) -> None:
    assert expected == read_arguments(pieces)


@pytest.mark.slow
@given(JSON_TEXTS, PLACES)
@example('{"a":"{}"}', [6, 8])
@example('{"a":"{\\"a\\":"}', [1, 6, 7])
@example('{"":{"":{}}}', [1, 4, 5, 9])
@example("[[[]]]", [1, 2])
@example("1121", [1, 2, 3])
def test_no_cut_changes_valid_arguments(text: str, places: list[int]) -> None:
    assume(text.strip() != "null")
    assert text == read_arguments(cut(text, places))


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=5), min_size=1), PLACES)
def test_cumulative_and_repeated_pieces_give_the_same_arguments(
    value: dict[str, str], places: list[int]
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    pieces = cut(text, places)
    sums = ["".join(pieces[: number + 1]) for number in range(len(pieces))]
    assert text == read_arguments(sums)
    assert text == read_arguments([*pieces, text])
    assert text == read_arguments(["{}", *pieces])
    assert text == read_arguments(["null", *sums, text])


@given(st.text('{}[]"\\a1: ', max_size=20), PLACES)
def test_no_text_is_ever_invented(text: str, places: list[int]) -> None:
    read = read_arguments(cut(text, places))
    assert read in text or read == "{}"


@pytest.mark.slow
@given(JSON_TEXTS, PLACES)
def test_the_end_of_an_object_is_found_at_its_last_character_only(text: str, places: list[int]) -> None:
    whole = text.strip()
    assume(whole[0] in "{[")
    end = EndFinder()
    for piece in cut(whole[:-1], places):
        end.feed(piece)
        assert not end.is_closed
    end.feed(whole[-1])
    assert end.is_closed
    end.feed(" \n")
    assert end.is_closed


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ({}, {"a": 1}, True),
        ({"a": None}, {"a": 1}, True),
        ({"a": "b"}, {"a": "bc", "d": 1}, True),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 12}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": "b"}, {"a": "c"}, False),
        ({"a": "b"}, {"a": ["b"]}, False),
        ({"a": 1}, {}, False),
    ],
)
def test_a_value_continues_one_that_is_a_part_of_it(earlier: object, later: object, expected: bool) -> None:
    assert expected is is_part(earlier, later)
