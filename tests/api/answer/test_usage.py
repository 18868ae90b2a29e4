"""The tokens of an answer are read under all names that servers give them, and are unknown where none came."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.usage import find_choice_usage, find_usage, read_usage
from mmpipe.core.events import Usage


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}, Usage(4, 5, 9)),
        ({"prompt_tokens": 4, "completion_tokens": 5}, Usage(4, 5, 9)),
        ({"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 0}, Usage(4, 5, 9)),
        ({"input_tokens": 4, "output_tokens": 5}, Usage(4, 5, 9)),
        ({"completion_tokens": 5}, Usage(None, 5, None)),
        ({"total_tokens": 9}, Usage(None, None, 9)),
        ({"prompt_tokens": 4, "completion_tokens": 0}, Usage(4, 0, 4)),
        ({"total_tokens": 9, "prompt_tokens_details": None, "completion_tokens_details": []}, Usage(None, None, 9)),
        ({"total_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 3}}, Usage(None, None, 9, 3)),
        ({"total_tokens": 9, "reasoning_tokens": 3}, Usage(None, None, 9, 3)),
        ({"total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 2}}, Usage(None, None, 9, None, 2)),
        ({"total_tokens": 9, "prompt_cache_hit_tokens": 2}, Usage(None, None, 9, None, 2)),
        ({"total_tokens": 9, "cached_tokens": 2}, Usage(None, None, 9, None, 2)),
        (
            {"total_tokens": 9, "prompt_tokens_details": {"cache_read_input_tokens": 2, "cache_creation_input_tokens": 1}},
            Usage(None, None, 9, None, 2, 1),
        ),
        ({"prompt_tokens": "4", "completion_tokens": True, "total_tokens": 9}, Usage(4, None, 9)),
        ({"prompt_tokens": -4, "completion_tokens": 2.5, "total_tokens": 9}, Usage(None, None, 9)),
        ({"total_tokens": 9, "output_tokens_details": {"reasoning_tokens": "3"}}, Usage(None, None, 9, 3)),
        ({"total_tokens": 9, "input_tokens_details": {"cached_tokens": 2.0}}, Usage(None, None, 9, None, 2)),
        ({"prompt_tokens": 2**40, "completion_tokens": 2**40 + 1}, Usage(2**40, None, None)),
    ],
)  # fmt: skip
def test_the_counts_are_found_under_their_names(sent: object, expected: Usage) -> None:
    assert expected == read_usage(sent)


@pytest.mark.parametrize(
    "sent",
    [
        None, {}, [], 5, "9", {"total_tokens": None}, {"total_tokens": 0, "total_characters": 0}, {"total_tokens": -1},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {"total_tokens": 10**400},
    ],
)  # fmt: skip
def test_a_usage_that_reports_no_tokens_is_none(sent: object) -> None:
    assert None is read_usage(sent)


@pytest.mark.parametrize(
    "count", [12, 12.0, "12", " 12 ", "12.0", "12.", "012", 0, 0.0, "0", 2**40, float(2**40), str(2**40)]
)
def test_a_count_is_an_integer_however_it_is_written(count: float | str) -> None:
    assert Usage(int(float(count)), 5, int(float(count)) + 5) == read_usage(
        {"prompt_tokens": count, "completion_tokens": 5}
    )


@pytest.mark.parametrize(
    "count",
    [
        -1, -1.0, "-1", True, False, 1.5, "1.5", "1e3", 2**40 + 1, 10**400, 1e300, "9" * 400, "9" * 5000, "1_000",
        math.nan, math.inf, -math.inf, "nan", "", " ", ".", ".0", "\u0663", "\u00b2", "twelve", None, [], [12], {}, {"value": 12},
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_no_count(count: object) -> None:
    assert Usage(None, 5, None) == read_usage({"prompt_tokens": count, "completion_tokens": 5})


@given(st.floats() | st.integers() | st.text() | st.booleans() | st.none())
def test_a_count_is_never_a_fraction_negative_or_huge(count: object) -> None:
    usage = read_usage({"prompt_tokens": count, "completion_tokens": count, "total_tokens": 1})
    assert usage is not None
    for found in (usage.prompt_tokens, usage.completion_tokens):
        assert found is None or (type(found) is int and 0 <= found <= 2**40)


COUNTS = {"prompt_tokens": 4, "completion_tokens": 5}


@pytest.mark.parametrize(
    "chunk",
    [
        {"usage": COUNTS},
        {"x_groq": {"id": "req_1", "usage": COUNTS}},
        {"usage": None, "x_groq": {"usage": COUNTS}},
        {"usage": {"total_tokens": 0}, "x_groq": {"usage": COUNTS}},
        {"metadata": {"usage": COUNTS}},
        {"metadata": "text", "meta": {"usage": COUNTS}},
        {"response": {"usage": COUNTS}},
    ],
)
def test_the_usage_of_a_chunk_is_found_where_servers_put_it(chunk: dict[str, object]) -> None:
    assert Usage(4, 5, 9) == find_usage(chunk)


@pytest.mark.parametrize(
    "choice", [{"usage": COUNTS}, {"delta": {"usage": COUNTS}}, {"message": {"usage": COUNTS}}]
)
def test_the_usage_within_a_choice_is_found(choice: dict[str, object]) -> None:
    assert Usage(4, 5, 9) == find_choice_usage(choice)


@pytest.mark.parametrize("holder", [None, "usage", [COUNTS], {"usage": [COUNTS]}, {"usage": "9"}])
def test_what_holds_no_usage_is_passed_over(holder: object) -> None:
    assert find_usage({"x_groq": holder, "metadata": holder}) is None
    assert find_choice_usage({"delta": holder, "message": holder}) is None
