"""A ledger is a dict that is frugal."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.ledger import Ledger, key_of

NAMES = st.integers(0, 3000).map(str)


@given(st.lists(st.tuples(NAMES, st.binary(min_size=3, max_size=3)), max_size=200))
def test_it_knows_what_a_dict_knows(pairs: list[tuple[str, bytes]]) -> None:
    ledger = Ledger(3)
    for name, value in pairs:
        ledger.put(key_of(name), value)
    expected = dict(pairs)
    assert len(expected) == len(ledger)
    for name in (*expected, "another"):
        assert expected.get(name) == ledger.get(key_of(name))


def test_many_rows_are_found_again_and_take_little_more_than_themselves() -> None:
    count, width = 50_000, 20
    tracemalloc.start()
    try:
        ledger = Ledger(width)
        for number in range(count):
            ledger.put(key_of(str(number)), number.to_bytes(width))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(number.to_bytes(width) == ledger.get(key_of(str(number))) for number in range(count))
    assert size < 2 * count * (16 + width)
