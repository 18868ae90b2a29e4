"""The event reader follows the standard, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.sse import EventReader
from mmpipe.errors import BadResponse

LINES = st.lists(
    st.sampled_from(
        [
            b"data: a",
            b"data:b",
            b"data",
            b"data:  c",
            b": comment",
            b"event: x",
            b"id: 1",
            b"retry: 5",
            b"",
            b"",
            b"x",
        ]
    )
)


def events(stream: bytes, size: int | None = None) -> list[bytes]:
    reader = EventReader(1000)
    step = size or max(1, len(stream))
    return [data for at in range(0, len(stream), step) for data in reader.feed(stream[at : at + step])]


def plainly(lines: list[bytes]) -> list[bytes]:
    """The standard, word for word."""
    found: list[bytes] = []
    data: list[bytes] = []
    for line in lines:
        if not line:
            if data:
                found.append(b"\n".join(data))
            data = []
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return found


@given(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"]), st.integers(1, 9))
def test_every_line_end_and_every_cut_give_the_events_of_the_standard(
    lines: list[bytes], end: bytes, size: int
) -> None:
    stream = b"".join(line + end for line in lines)
    assert plainly(lines) == events(stream, size) == events(stream)


def test_a_byte_order_mark_does_not_hide_the_first_event() -> None:
    for size in (1, 2, 4, 100):
        assert [b"a"] == events(b"\xef\xbb\xbfdata: a\n\n", size)


def test_half_an_event_is_none() -> None:
    assert [] == events(b"data: a\n")


def test_an_event_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(BadResponse, match="longer than 1000 bytes"):
        events(b"x" * 1001, 100)
    with pytest.raises(BadResponse, match="longer than 1000 bytes"):
        events(b"data: 0123456789\n" * 101)


def test_the_limit_is_for_each_event_not_for_the_stream() -> None:
    stream = b"data: 0123456789\n\n" * 500
    assert 500 == len(events(stream, 7)) == len(events(stream))
