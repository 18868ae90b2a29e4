"""The tokens of an answer are read under all names that servers give them, and are unknown where none came."""

import pytest

from mmpipe.api.answer.usage import read_usage
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
        ({"prompt_tokens": "4", "completion_tokens": True, "total_tokens": 9}, Usage(None, None, 9)),
        ({"prompt_tokens": -4, "completion_tokens": 2.5, "total_tokens": 9}, Usage(None, None, 9)),
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
