"""The event reader follows the standard, however the bytes are cut."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.api.answer.sse import EventReader, NamedData
from mmpipe.errors import BadResponse
from mmpipe.text.utf8 import BOM
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

LIMIT = 60
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"data: a",
                b"data:b",
                b"data",
                b"data:  c",
                b"data: " + BOM,
                b"data: \xff\0",
                b": comment",
                b"event: x",
                b"id: 1",
                b"retry: 5",
                b"",
                b"",
                b"x",
                b" data: d",
                b"Data: e",
                BOM + b"data: f",
            ]
        ),
        st.integers(0, LIMIT + 9).map(lambda length: b"data:" + b"x" * length),
        st.integers(0, LIMIT + 9).map(lambda length: b":" * length),
        # JSON without `data:` and a field `error` are more than the standard knows.
        st.binary(max_size=9).filter(lambda line: not line.lstrip().startswith((b"{", b"[", b"error:"))),
    )
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Any mixture of lines and of their ends, of which the last one may be missing."""
    lines = draw(LINES)
    stream = b"".join(line + draw(ENDS) for line in lines)
    return draw(st.sampled_from([b"", BOM])) + stream + draw(st.sampled_from([b"", b"data: half", b"data"]))


@dataclass
class Plain:
    """Read a stream by the standard, rule for rule (WHATWG HTML, 9.2.6); return the events and the largest sizes held.

    In one thing only it differs: data lines after a field `event` are never of the event before it.
    """

    events: list[NamedData]
    largest_data: int = 0
    largest_line: int = 0


def plainly(stream: bytes) -> Plain:
    lines = re.split(rb"\r\n|\n|\r", stream)
    found = Plain([], largest_line=max(map(len, lines)))
    name = later = data = b""
    # What has no end yet is no line.
    for line in re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))[:-1]:
        if line == b"":
            if data != b"":
                found.events.append((later or name, data[:-1]))
            name = later = data = b""
        elif not line.startswith(b":"):
            field, colon, value = line.partition(b":")
            if colon and value.startswith(b" "):
                value = value[1:]
            if field == b"event" and data == b"":
                name = value
            elif field == b"event":
                later = value
            elif field == b"data":
                if later != b"":
                    found.events.append((name, data[:-1]))
                    name, later, data = later, b"", b""
                data += value + b"\n"
        found.largest_data = max(found.largest_data, len(data))
    return found


def named(stream: bytes, places: list[int], limit: int = 10_000) -> tuple[list[NamedData], bool]:
    """Return the events with their names, and whether the reader accepted all bytes."""
    reader = EventReader(limit)
    found: list[NamedData] = []
    try:
        for piece in cut(stream, places):
            # A loop, for what comes out before an error counts.
            for event in reader.feed(piece):
                found.append(event)  # noqa: PERF402
    except BadResponse:
        return found, False
    return found, True


def events(stream: bytes, places: list[int], limit: int = 10_000) -> tuple[list[bytes], bool]:
    """Return the data of the events, and whether the reader accepted all bytes."""
    found, is_borne = named(stream, places, limit)
    return [data for _, data in found], is_borne


@given(streams(), PLACES)
@example(b"data:  two spaces\n\n", [])
@example(b"data\nevent:x\n\ndata: b\n\n", [])
@example(b"data: a\nevent: x\n\ndata: b\n\nevent: y\n\ndata: c\n\n", [])
def test_any_mixture_of_lines_cut_anywhere_gives_the_events_of_the_standard(
    stream: bytes, places: list[int]
) -> None:
    expected = plainly(stream).events
    assert (expected, True) == named(stream, places) == named(stream, list(range(len(stream))))


@given(streams(), PLACES)
@example(BOM + b":" * (LIMIT - 2), [LIMIT + 1])
def test_the_size_limit_does_not_depend_on_the_cuts_of_the_stream(stream: bytes, places: list[int]) -> None:
    plain = plainly(stream)
    found, is_borne = named(stream, places, LIMIT)
    assert plain.events[: len(found)] == found
    if is_borne:
        assert plain.events == found
        # An event holds no more than its limit, spaces and line ends not counted.
        assert all(len(data) - data.count(b"\n") <= LIMIT for _, data in found)
    else:
        assert plain.largest_data + plain.largest_line > LIMIT


def test_a_byte_order_mark_does_not_hide_the_first_event() -> None:
    stream = BOM + b"data: a\n\n"
    assert ([b"a"], True) == events(stream, []) == events(stream, [1, 2, 3, 4])


def test_only_the_beginning_of_a_stream_may_have_a_byte_order_mark() -> None:
    assert ([b"a", b"c"], True) == events(b"data: a\n\n" + BOM + b"data: b\n\ndata: c\n\n", [])


def test_one_cut_anywhere_changes_nothing() -> None:
    stream = (
        BOM
        + b"data: a\r\ndata: b\r\n\r\n"
        + BOM
        + b"data: no\r\rdata: c\n\n: d\r\n"
        + BOM
        + b"x\n\n\r\ndata: e\r\n\r\n"
    )
    for place in range(len(stream) + 1):
        assert ([b"a\nb", b"c", b"e"], True) == events(stream, [place]), place


def test_half_an_event_is_none() -> None:
    assert ([], True) == events(b"data: a\n", [])


def test_an_event_without_end_is_refused_before_it_fills_the_memory() -> None:
    for stream in (b"x" * 1001, b"data: 0123456789\n" * 101):
        reader = EventReader(1000)
        pieces = (list(reader.feed(piece)) for piece in cut(stream, list(range(0, len(stream), 100))))
        with pytest.raises(BadResponse, match="longer than 1000 bytes"):
            list(pieces)


@pytest.mark.parametrize("size", [1, 7, 3000])
@pytest.mark.parametrize("before", [b"", b"data: a\n\n"])
def test_an_event_may_be_as_long_as_the_limit(before: bytes, size: int) -> None:
    stream = before + b"data:" + b"x" * 995 + b"\n\n"
    found, is_borne = events(stream, list(range(0, len(stream), size)), 1000)
    assert (True, b"x" * 995) == (is_borne, found[-1])
    lines = b"data:" + b"y" * 500 + b"\n"
    found, is_borne = events(before + lines * 2 + b"\n", [], 1000)
    assert (True, 1001) == (is_borne, len(found[-1]))


def test_the_limit_is_for_each_event_not_for_the_stream() -> None:
    stream = b"data: 0123456789\n\n" * 500
    assert ([b"0123456789"] * 500, True) == events(stream, list(range(0, len(stream), 7)), 1000)


def test_an_empty_line_within_json_does_not_end_it() -> None:
    body = b'{"a":[{}\n\n,{}\n\n]\n\n}\n\n'
    assert [(b"", b'{"a":[{}\n,{}\n]\n}')] == [*EventReader(LIMIT).feed(body)]


def test_json_with_very_many_empty_lines_ends_with_the_next() -> None:
    body = b'{"a":[{}\n' + b"\n,{}\n" * 10_000 + b"]}\n"
    reader = EventReader(LIMIT)
    # It is not parsed again and again to find its end.
    assert [] == [*reader.feed(body + b"\n")]
    first, second = [*reader.feed(b'{"b":1}\n'), *reader.close()]
    assert body.replace(b"\n\n", b"\n").strip() == first[1]
    assert b'{"b":1}' == second[1]


def test_empty_data_lines_count_for_the_limit_of_an_event() -> None:
    assert ([b"\n" * 999], True) == events(b"data:\n" * 1000 + b"\n", [], 1000)
    assert ([], False) == events(b"data:\n" * 1001, [], 1000)


@pytest.mark.parametrize(
    ("begun", "shown"),
    [
        (b"", b""),
        (b"data: a\ndata: b\nda", b"abda"),
        (b'{"a":\n1', b'{"a":1'),
        (b"data: a\n\n" + b"x" * 5000, b"x" * 4096),
        (b"data: " + b"x" * 4096 + b"\ndata: y", b"x" * 4096),
        (b"data: " + b"x" * 4095 + b"\ndata: y", b"x" * 4095 + b"d"),
        (b"data:\n" * 2000 + b"data: y", b"data: y"),
    ],
)
def test_of_an_event_that_has_begun_the_first_bytes_are_shown(begun: bytes, shown: bytes) -> None:
    reader = EventReader(10_000)
    list(reader.feed(begun))
    assert shown == reader.peek()


def test_json_that_is_not_utf_8_ends_with_its_empty_line() -> None:
    assert [(b"", b'{"a":\n"\xff"}')] == [*EventReader(LIMIT).feed(b'{"a":\n"\xff"}\n\n')]


@pytest.mark.parametrize("before", [b"", BOM, b" \t", BOM + b" "])
def test_a_line_of_json_without_its_framing_may_be_longer_than_an_event(before: bytes) -> None:
    reader = EventReader(LIMIT)
    for piece in (before + b'{"a":"', b"x" * LIMIT, b"y" * LIMIT):
        assert [] == [*reader.feed(piece)]
    assert reader.holds_json
