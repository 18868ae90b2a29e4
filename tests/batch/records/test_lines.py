"""A line is the bytes between two separators, however the bytes arrived."""

import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.lines import LineSplitter
from mmpipe.batch.records.formats.record_format import NEWLINE, NUL, RawRecord, Unreadable, too_long
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

MARK = b"\xef\xbb\xbf"


def split(*pieces: bytes, separator: bytes = NEWLINE, limit: int = 100) -> list[RawRecord | Unreadable]:
    splitter = LineSplitter("in", separator, limit)
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return [*lines, *splitter.close()]


def contents(*pieces: bytes, separator: bytes = NEWLINE) -> list[bytes]:
    return [line.content for line in split(*pieces, separator=separator) if isinstance(line, RawRecord)]


def test_lines_are_counted_from_one_and_blank_ones_count_too() -> None:
    assert [RawRecord("in", 1, b"a"), RawRecord("in", 2, b""), RawRecord("in", 3, b"b")] == split(b"a\n\nb\n")


def test_the_last_line_needs_no_end() -> None:
    assert [b"a", b"b"] == contents(b"a\nb") == contents(b"a\nb\n")
    assert [] == contents(b"")
    assert [b""] == contents(b"\n")


def test_a_line_comes_out_before_the_next_one_is_there() -> None:
    assert [RawRecord("in", 1, b"a")] == list(LineSplitter("in").feed(b"a\nb"))


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "a\rb", "a\x0bb\x0cc", "a\x1cb", "a\0b"])
def test_nothing_but_the_separator_ends_a_line(text: str) -> None:
    assert [text.encode()] == contents(text.encode() + b"\n")


def test_one_carriage_return_belongs_to_a_dos_line_end_and_to_nothing_else() -> None:
    assert [b"a", b"b\r", b"c\r"] == contents(b"a\r\nb\r\r\nc\r")
    assert [b"a", b"b"] == contents(b"a\r", b"\nb")
    assert [b"a\r", b"b\n"] == contents(b"a\r\0b\n\0", separator=NUL)


def test_a_byte_order_mark_is_dropped_at_the_very_beginning_only() -> None:
    assert [b"a", MARK + b"b"] == contents(MARK + b"a\n" + MARK + b"b\n")
    assert [b"a"] == contents(MARK[:1], MARK[1:2], MARK[2:] + b"a")
    assert [] == contents(MARK)


def plainly(text: bytes, separator: bytes, limit: int) -> list[RawRecord | Unreadable]:
    """The lines of `text`, without a thought for time and memory."""
    *ended, rest = text.split(separator)
    found: list[RawRecord | Unreadable] = []
    for number, content in enumerate((*ended, rest), 1):
        is_ended = number <= len(ended)
        bare = content.removeprefix(MARK) if number == 1 else content
        skipped = len(content) - len(bare)
        if len(content) > limit:
            found.append(too_long("in", number, limit))
        elif is_ended:
            text = bare.removesuffix(b"\r") if separator == NEWLINE else bare
            found.append(RawRecord("in", number, text, skipped))
        elif bare:
            found.append(RawRecord("in", number, bare, skipped))
    return found


@given(
    st.lists(
        st.sampled_from([b"\n", b"\r", b"\0", b"a", b"bc", MARK, b"0123456789"]) | st.binary(max_size=9)
    ).map(b"".join),
    PLACES,
    st.sampled_from([NEWLINE, NUL]),
    st.integers(1, 12),
)
@example(MARK + b"\n", [1], NEWLINE, 3)
def test_any_bytes_cut_anywhere_are_the_lines_between_the_separators(
    text: bytes, places: list[int], separator: bytes, limit: int
) -> None:
    for pieces in (cut(text, places), cut(text, list(range(len(text))))):
        assert plainly(text, separator, limit) == split(*pieces, separator=separator, limit=limit)


def test_a_line_over_the_limit_is_reported_once_and_the_next_one_is_read() -> None:
    expected = [RawRecord("in", 1, b"123"), too_long("in", 2, 3), RawRecord("in", 3, b"ok")]
    assert expected == split(b"123\n12", b"34", b"5678\nok", limit=3)
    assert [too_long("in", 1, 3)] == split(b"1234", limit=3)
    assert [RawRecord("in", 1, b""), too_long("in", 2, 3), RawRecord("in", 3, b"123")] == split(
        b"\n1234\n123\n", limit=3
    )
    assert [too_long("in", 1, 3), RawRecord("in", 2, b"")] == split(b"1234\n\n", limit=3)


def test_a_line_over_the_limit_is_reported_while_it_still_arrives() -> None:
    assert [too_long("in", 1, 3)] == list(LineSplitter("in", limit=3).feed(b"1234"))


def test_an_endless_line_does_not_fill_the_memory() -> None:
    splitter = LineSplitter("in", limit=2**20)
    piece = bytes(2**16)
    tracemalloc.start()
    try:
        assert 1 == sum(1 for _ in range(1000) for _ in splitter.feed(piece))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
