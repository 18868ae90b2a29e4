"""An error about bad records names the first of each kind, and counts the others."""

from collections.abc import Sequence

import pytest

from mmpipe.batch.input_counts import InputCounts
from mmpipe.batch.records.records import BadRecord
from mmpipe.errors import InputError


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        (["a"], "in, line 1: a"),
        (["a"] * 3, "in, line 1: a (and 2 more like it)"),
        (["a", "b", "a"], "in, line 1: a (and 1 more like it); in, line 2: b"),
        (list("abcdefga"), "in, line 1: a (and 1 more like it); {rest} (and 2 more)"),
    ],
)
def test_a_fault_of_many_records_is_reported_once_and_counted(messages: Sequence[str], shown: str) -> None:
    counts = InputCounts()
    for number, message in enumerate(messages, 1):
        counts.add_fault(BadRecord(number - 1, None, "in", number, message))
    rest = "; ".join(f"in, line {number}: {'abcde'[number - 1]}" for number in range(2, 6))
    with pytest.raises(InputError) as caught:
        counts.check()
    assert (
        f"{shown.format(rest=rest)}; nothing was asked, --keep-going asks the others" == caught.value.message
    )


def test_without_a_fault_there_is_no_error() -> None:
    InputCounts().check()
