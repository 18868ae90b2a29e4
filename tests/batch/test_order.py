"""Whatever is completed first, the lines come out in the order of the input, each once."""

from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.order import InOrder


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_lines_come_out_in_order_and_as_soon_as_they_can(arrivals: list[int], left_out: set[int]) -> None:
    order, out = InOrder(), list[bytes]()
    for count, index in enumerate(arrivals, 1):
        out += order.put(index, None if index in left_out else f"{index}".encode())
        whole = next(place for place in range(9) if place not in arrivals[:count])
        assert [f"{place}".encode() for place in range(whole) if place not in left_out] == out


def test_how_far_ahead_a_place_is() -> None:
    order = InOrder(first=5)
    assert 2 == order.ahead(7)
    assert [b"5"] == list(order.put(5, b"5"))
    assert 1 == order.ahead(7)
