"""Lines come out in the order of the input, each once, whichever is completed first."""

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.result_writer import ReorderBuffer


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_lines_come_out_in_order_and_as_soon_as_they_can(arrivals: list[int], left_out: set[int]) -> None:
    order, out = ReorderBuffer[bytes](), list[bytes]()
    for count, index in enumerate(arrivals, 1):
        out += order.put(index, None if index in left_out else f"{index}".encode())
        whole = next(place for place in range(9) if place not in arrivals[:count])
        assert [f"{place}".encode() for place in range(whole) if place not in left_out] == out


def test_no_record_is_begun_too_far_ahead_of_a_missing_one() -> None:
    order = ReorderBuffer[bytes](max_ahead=3, max_held=10)
    assert [False, False, False, True] == [order.is_too_far_ahead(index) for index in range(4)]
    assert [] == list(order.put(1, b"eleven bytes"))
    assert [False, True, True] == [order.is_too_far_ahead(index) for index in range(3)]
    assert [b"0", b"eleven bytes"] == list(order.put(0, b"0"))
    assert [False, False, False, True] == [order.is_too_far_ahead(index) for index in range(2, 6)]
