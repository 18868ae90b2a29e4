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


def placed(index: int, number: int | None = None) -> Record:
    """A record without an id."""
    return Record(index, str(index), "in", number or index + 1, REQUEST, "", {}, has_own_id=False)


def found(records: Iterable[Record]) -> list[tuple[str, int] | None]:
    duplicates = RepeatedIds()
    return [duplicates.first_place(record) for record in records]


def test_the_first_place_of_an_id_is_returned_each_time_it_is_repeated() -> None:
    records = [record(0, "x", "a", 7), record(1, "y", "b", 1), record(2, "x", "b", 2), record(3, "x", "c", 1)]
    assert [None, None, ("a", 7), ("a", 7)] == found(records)


def test_a_record_without_an_id_repeats_none_and_is_repeated_by_none() -> None:
    assert [None] * 4 == found([record(0, "1"), placed(1), placed(2), record(3, "2")])
    assert [None, None, ("in", 1)] == found([record(0, "2"), placed(1), record(2, "2")])


def test_numbers_that_are_written_otherwise_are_other_ids() -> None:
    assert [None] * 4 == found([record(0, "0"), record(1, "00"), record(2, "\u0660"), record(3, "-0")])


@given(st.lists(st.sampled_from(["", "a", "b", "0", "1", "2", "3", "7"]), max_size=12))
def test_it_finds_what_a_plain_table_finds(names: list[str]) -> None:
    places: dict[str, tuple[str, int]] = {}
    expected, records = [], []
    for index, name in enumerate(names):
        expected.append(places.get(name))
        if name:
            places.setdefault(name, ("in", index + 1))
        records.append(record(index, name) if name else placed(index))
    assert expected == found(records)


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
    assert size_after(map(placed, range(20_000))) < 20_000


@pytest.mark.slow
def test_ids_take_some_forty_bytes_each() -> None:
    assert size_after(record(index, f"rec-{index}") for index in range(50_000)) < 60 * 50_000
