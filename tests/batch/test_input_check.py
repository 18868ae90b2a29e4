"""An error about bad records names the first of each kind, and counts the others."""

from collections.abc import Sequence

import pytest

from mmpipe.batch.input_counts import InputCounts, count_records
from mmpipe.batch.records.records import BadRecord
from mmpipe.errors import InputError
from support.record_reading import read


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
    counts = InputCounts(open=1)
    for number, message in enumerate(messages, 1):
        counts.add_fault(BadRecord(number - 1, None, "in", number, message))
    rest = "; ".join(f"in, line {number}: {'abcde'[number - 1]}" for number in range(2, 6))
    with pytest.raises(InputError) as caught:
        counts.check()
    assert (
        f"{shown.format(rest=rest)}; nothing was asked, --keep-going asks the others" == caught.value.message
    )


@pytest.mark.parametrize(
    ("content", "taken", "remedy"),
    [
        (b"{}\n", 9, ""),
        (b"{}\n" * 3, 9, ""),
        (b'{}\n{"prompt": "a"}\n', 1, ""),
        (b'{}\n{"prompt": "a"}\n', 9, ", --keep-going asks the others"),
    ],
)
def test_keep_going_is_a_remedy_only_where_another_record_would_be_asked(
    content: bytes, taken: int, remedy: str
) -> None:
    counts = count_records(read(content), None, lambda record: record.index < taken)
    with pytest.raises(InputError) as caught:
        counts.check()
    assert caught.value.message.endswith(f"; nothing was asked{remedy}")


def test_an_id_that_comes_twice_in_one_place_is_not_said_to_be_in_two() -> None:
    records = [*read(b'{"prompt": "a", "id": 1}\n'), *read(b'\n{"prompt": "a", "id": 1}\n')]
    for repeated, message in (
        ((records[0],) * 2, "the id '1' comes twice in in, line 1"),
        (records, "the id '1' is in in, line 1, and in in, line 2"),
    ):
        assert [message] == [*count_records(repeated, None, lambda _: True).faults]


def test_without_a_fault_there_is_no_error() -> None:
    InputCounts().check()


def test_the_content_is_the_same_for_the_same_records_in_any_order_and_other_for_any_other_one() -> None:
    def content(*lines: bytes) -> int:
        return count_records(read(b"".join(lines)), None, lambda _: True).content

    one, two = b'{"prompt": "a", "id": "1"}\n', b'{"prompt": "b", "id": "2"}\n'
    assert content(one, two) == content(two, b"\n", one)
    a, b = b'{"prompt": "a"}\n', b'{"prompt": "b"}\n'
    others = {content(one), content(two), content(one, two[:12] + b"c" + two[13:]), content(a, b)}
    assert 6 == len({*others, content(b, a), content(one, two)})
