"""A ledger is a dict that needs little memory."""

import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.batch.ledger import Ledger, make_key, sorted_rows

NAMES = st.integers(0, 3000).map(str)


@example([("1", b"old"), ("1", b"new"), ("2", b"two")])
@given(st.lists(st.tuples(NAMES, st.binary(min_size=3, max_size=3)), max_size=200))
def test_it_knows_what_a_dict_knows(pairs: list[tuple[str, bytes]]) -> None:
    ledger = Ledger(3)
    ledger.put_all((make_key(name), value) for name, value in pairs[:100])
    for name, value in pairs[100:]:
        ledger.put(make_key(name), value)
    expected = dict(pairs)
    assert len(expected) == len(ledger)
    for name in (*expected, "another"):
        assert expected.get(name) == ledger.get(make_key(name))


def test_each_pair_is_stored_before_the_next_is_taken() -> None:
    ledger = Ledger(2)

    def pairs() -> Iterator[tuple[bytes, bytes]]:
        for number in range(3000):
            yield make_key(str(number)), number.to_bytes(2)
            assert number.to_bytes(2) == ledger.get(make_key(str(number)))

    ledger.put_all(pairs())
    assert 3000 == len(ledger)


@given(st.lists(st.binary(min_size=3, max_size=3)))
def test_few_rows_come_in_order(rows: list[bytes]) -> None:
    assert sorted(rows) == list(sorted_rows(bytearray(b"".join(rows)), 3))


@pytest.mark.slow
def test_many_rows_come_in_order_without_being_objects_all_at_once() -> None:
    count = 100_000
    rows = bytearray(random.Random(1).randbytes(5 * count))  # noqa: S311 - no secret
    expected = sorted(bytes(rows[at : at + 5]) for at in range(0, len(rows), 5))
    tracemalloc.start()
    try:
        assert all(row == other for row, other in zip(expected, sorted_rows(rows, 5), strict=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30 * count


@pytest.mark.slow
def test_many_rows_are_found_again_and_take_little_more_than_themselves() -> None:
    count, width = 50_000, 20
    tracemalloc.start()
    try:
        ledger = Ledger(width)
        for number in range(count):
            ledger.put(make_key(str(number)), number.to_bytes(width))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(number.to_bytes(width) == ledger.get(make_key(str(number))) for number in range(count))
    assert size < 2 * count * (16 + width)


def test_a_record_that_is_named_by_its_place_has_a_key_that_no_id_has() -> None:
    assert 4 == len({make_key("7", has_own_id=kind) for kind in (True, False, None)} | {make_key("07")})
