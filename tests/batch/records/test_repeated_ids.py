"""A repeated id is found, with its first place."""

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.records import Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.core.request import Request

REQUEST = Request("m", ())


def record(index: int, id: str, source: str = "in", number: int | None = None) -> Record:  # noqa: A002
    return Record(index, id, source, index + 1 if number is None else number, REQUEST, "", {})


def found(records: Iterable[Record]) -> list[tuple[str, int] | None]:
    duplicates = RepeatedIds()
    return [duplicates.first_place(record) for record in records]


def test_the_first_place_of_an_id_is_returned_each_time_it_is_repeated() -> None:
    records = [record(0, "x", "a", 7), record(1, "y", "b", 1), record(2, "x", "b", 2), record(3, "x", "c", 1)]
    assert [None, None, ("a", 7), ("a", 7)] == found(records)


def test_an_id_that_is_the_index_of_another_record_is_found_before_and_after_it() -> None:
    before = [record(0, "2"), record(1, "1"), record(2, "2")]
    assert [None, None, ("in", 1)] == found(before)
    after = [record(0, "0"), record(1, "1", number=5), record(2, "2", number=6), record(3, "2", number=9)]
    assert [None, None, None, ("in", 6)] == found(after)


def test_numbers_that_are_written_otherwise_are_other_ids() -> None:
    assert [None] * 4 == found([record(0, "0"), record(1, "00"), record(2, "\u0660"), record(3, "-0")])


@given(st.lists(st.sampled_from(["", "a", "b", "0", "1", "2", "3", "7"]), max_size=12), st.data())
def test_it_finds_what_a_plain_table_finds(names: list[str], data: st.DataObject) -> None:
    places: dict[str, tuple[str, int]] = {}
    expected, records = [], []
    index = number = 0
    source = "a"
    for name in names:
        index += data.draw(st.integers(0, 1))  # bad records have an index too
        number += data.draw(st.integers(1, 2))
        if data.draw(st.booleans()):
            source, number = source + "a", 1
        id_ = name or str(index)
        expected.append(places.get(id_))
        places.setdefault(id_, (source, number))
        records.append(record(index, id_, source, number))
        index += 1
    assert expected == found(records)


STEPS = st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(1, 3))


@pytest.mark.slow
@given(st.lists(STEPS, max_size=4), st.sets(st.integers(0, 99)))
def test_it_finds_lines_wherever_they_stand_and_however_far_from_each_other(
    stretches: list[tuple[int, int, int]], asked: set[int]
) -> None:
    index = number = 0
    records, places = [], {}
    for count, step, line_step in stretches:
        for _ in range(count):
            index, number = index + step, number + line_step
            records.append(record(index, str(index), "in", number))
            places[index] = ("in", number)
    later = [record(index + 1 + n, str(name)) for n, name in enumerate(sorted(asked - {index + 1}))]
    later = [one for one in later if one.id != str(one.index)]
    assert [None] * len(records) + [places.get(int(one.id)) for one in later] == found([*records, *later])


def size_after(records: Iterable[Record]) -> int:
    """The bytes that it takes to remember them."""
    duplicates = RepeatedIds()
    tracemalloc.start()
    try:
        assert not any(map(duplicates.first_place, records))
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_an_endless_pipe_of_lines_does_not_fill_the_memory() -> None:
    assert size_after(record(index, str(index)) for index in range(20_000)) < 20_000


def test_nor_does_one_shard_of_it_or_one_with_a_blank_line_after_each() -> None:
    assert size_after(record(index, str(index)) for index in range(3, 60_000, 7)) < 20_000
    assert size_after(record(index, str(index), number=2 * index) for index in range(20_000)) < 20_000


@pytest.mark.slow
def test_ids_take_some_forty_bytes_each() -> None:
    assert size_after(record(index, f"rec-{index}") for index in range(50_000)) < 60 * 50_000
