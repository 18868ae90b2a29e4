"""The format of a source is chosen before its bytes are cut: by the option, by the file's ending, by the first line."""

import os
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.jsonl import JsonLines
from mmpipe.batch.records.formats.lines import Lines
from mmpipe.batch.records.formats.names import FormatName
from mmpipe.batch.records.formats.record_format import NEWLINE, NUL, FormatOptions, RawRecord, too_long
from mmpipe.batch.records.formats.table import RECORD_FORMATS
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.records import BadRecord, Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import Piece, read_pieces
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.streams import Input
from support.piece_cuts import PLACES, cut
from support.record_reading import MODEL, read, split

AUTO = FormatOptions()


def chosen(*contents: bytes, source: str = "in", options: FormatOptions = AUTO) -> list[str]:
    """The format of each record."""
    names = {found: name for name, found in RECORD_FORMATS.items()}
    pieces = [Piece(source, content) for content in (*contents, b"")]
    found: list[str] = []
    try:
        for own, _ in split(pieces, options):
            assert own is not None
            found.append(names[type(own)])
    except (InputError, UsageError) as error:
        found.append(error.message)
    return found


@pytest.mark.parametrize(
    "content", [b'[\n  {"prompt": "a"},\n  "b"\n]\n', b'\n[{"prompt": "a"},\n{"prompt": "b"}]', b'["a",\r\n"b"]\r\n']
)  # fmt: skip
def test_an_array_over_several_lines_that_is_called_jsonl_is_refused_with_its_format(content: bytes) -> None:
    for source, options in (("in.jsonl", AUTO), ("in", FormatOptions("jsonl"))):
        *_, last = chosen(content, source=source, options=options)
        assert f"{source} is one JSON array: --input-format json reads it" == last


def test_an_array_in_one_line_of_jsonl_spoils_its_line_alone() -> None:
    one, two = read(b'[{"prompt": "a"}]\n"b"\n', source="in.jsonl")
    assert isinstance(one, BadRecord)
    assert one.message.endswith("but an array: --input-format json reads a file of one")
    assert isinstance(two, Record)


def test_every_name_is_in_the_table_in_the_order_in_which_the_help_lists_them() -> None:
    assert get_args(FormatName) == tuple(RECORD_FORMATS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"prompt": "a"}', "jsonl"),
        (b' "a"', "jsonl"),
        (b'{"level": "info"}', "jsonl"),
        (b'{"broken', "jsonl"),
        (b"{}", "jsonl"),
        (b'"Hello," he said.', "lines"),
        (b"{broken", "lines"),
        (b"[1]", "lines"),
        (b"42", "lines"),
        (b'"\xff"', "lines"),
    ],
)
def test_the_first_line_decides_the_format(content: bytes, expected: FormatName) -> None:
    assert [expected] == chosen(content)
    assert [expected] == chosen(b"\xef\xbb\xbf", content)
    assert [expected] == chosen(*(bytes([byte]) for byte in content))
    assert [expected] * 3 == chosen(b" \r\n" + content + b"\r\nmore\n")
    assert [expected] == chosen(content + b"\0", options=FormatOptions(separator=NUL))


def test_an_empty_source_has_no_records_and_the_next_one_its_own_format() -> None:
    pieces = [Piece("a", b""), Piece("b", b"{}"), Piece("b", b""), Piece("c", b"x"), Piece("c", b"")]
    found = [(type(own), raw.source) for own, raw in split(pieces) if raw is not None]
    assert [(JsonLines, "b"), (Lines, "c")] == found


@pytest.mark.parametrize("source", ["in.jsonl", "in.ndjson", "in.jsonl.gz"])
def test_a_file_that_is_called_jsonl_is_no_text_because_its_first_line_is_broken(source: str) -> None:
    kinds = [type(record) for record in read(b'{broken\n{"prompt": "a"}\n', source=source)]
    assert [BadRecord, Record] == kinds


def test_each_source_has_its_own_format_and_keeps_it() -> None:
    pieces = [
        Piece("a", b'\n"x"\nz\n'),
        Piece("a", b""),
        Piece("b", b'y\n"w"\n'),
        Piece("b", b""),
    ]
    records = list(read_records(pieces, RequestDefaults(MODEL), AUTO))
    expected: list[object] = [("x",), "it is not JSON: Expecting value at character 1", ("y",), ('"w"',)]
    found = [
        tuple(m["content"] for m in record.request.messages) if isinstance(record, Record) else record.message
        for record in records
    ]
    assert expected == found


@given(
    st.lists(st.sampled_from([b"\n", b" ", b"{", b"}", b'"', b'{"a": 1}', b"[", b"x", b"\0"])).map(b"".join),
    PLACES,
    st.sampled_from([NEWLINE, NUL]),
)
def test_the_choice_does_not_depend_on_how_the_bytes_came(
    content: bytes, places: list[int], separator: bytes
) -> None:
    options = FormatOptions(separator=separator)
    pieces = [piece for piece in cut(content, places) if piece]
    assert chosen(content, options=options) == chosen(*pieces, options=options) if content else True


def test_the_first_record_of_a_live_pipe_comes_before_the_second_is_there() -> None:
    reading, writing = os.pipe()
    try:
        records = split(read_pieces(find_files([], Input(reading))))
        for number, line in enumerate((b'{"prompt": "one"}', b'{"prompt": "two"}'), 1):
            os.write(writing, line + b"\n")
            assert RawRecord("standard input", number, line) == next(records)[1]
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("name", ["auto", "lines", "jsonl"])
def test_a_pause_between_pieces_is_one_between_records(name: str) -> None:
    options = FormatOptions("auto" if name == "auto" else "lines" if name == "lines" else "jsonl")
    pieces = [None, Piece("in", b"a\nb"), None, Piece("in", b"c\n"), Piece("in", b""), None]
    found = [raw for _, raw in split(pieces, options)]
    assert [None, RawRecord("in", 1, b"a"), None, RawRecord("in", 2, b"bc"), None] == found


def test_while_the_first_line_is_not_complete_each_pause_is_passed_on() -> None:
    pieces = [Piece("in", b" \n{"), None, None, Piece("in", b"}\n"), None]
    found = [raw for _, raw in split(pieces)]
    assert [None, None, RawRecord("in", 1, b" "), RawRecord("in", 2, b"{}"), None] == found


def test_a_record_is_not_taken_for_complete_because_reading_was_ended() -> None:
    for contents, expected in (([b"a\nb"], [b"a"]), ([b"a\nb", b""], [b"a", b"b"]), ([b"a"], [])):
        found = split([Piece("in", content) for content in contents])
        assert expected == [raw.content for _, raw in found if isinstance(raw, RawRecord)]


@pytest.mark.parametrize("pieces", [1, 7, 100])
@pytest.mark.parametrize(("second", "expected"), [(b'{"prompt": "a"}', "jsonl"), (b"text", "lines")])
def test_a_first_line_that_is_too_long_is_refused_and_the_next_one_tells_the_format(
    second: bytes, expected: str, pieces: int
) -> None:
    source = b"x" * 150 + b"\n" + second + b"\n"
    step = -(-len(source) // pieces)
    contents = [source[start : start + step] for start in range(0, len(source), step)]
    options = FormatOptions(limit=100)
    assert expected == chosen(*contents, options=options)[-1]
    found = [raw for _, raw in split([Piece("in", content) for content in (*contents, b"")], options)]
    assert [too_long("in", 1, 100), RawRecord("in", 2, second)] == found


def test_without_a_certain_format_no_line_is_sent_as_a_prompt() -> None:
    contents = [*[b"x" * 101 + b"\n"] * 3, b"text\n"]
    assert "jsonl" == chosen(*contents, options=FormatOptions(limit=100))[-1]


def test_a_first_line_without_an_end_is_reported_before_more_is_read() -> None:
    pieces = (Piece("in", b"x" * 101) for _ in iter(int, 1))
    _, found = next(split(pieces, FormatOptions(limit=100)))
    assert too_long("in", 1, 100) == found


@pytest.mark.slow
def test_neither_an_endless_line_nor_endless_blank_lines_fill_the_memory() -> None:
    for content in (bytes(2**16), b"\n" * 2**16):
        pieces = (Piece("in", content) for _ in range(300))
        tracemalloc.start()
        try:
            found = split(pieces, FormatOptions(limit=2**17))
            expected = RawRecord("in", 1, b"") if content.isspace() else too_long("in", 1, 2**17)
            assert expected == next(found)[1]
            for _ in islice(found, 10_000):
                pass
            assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
        finally:
            tracemalloc.stop()


def test_a_format_that_was_named_holds_for_files_that_are_called_otherwise(tmp_path: Path) -> None:
    assert ["lines"] == chosen(b'{"a": 1}', source=str(tmp_path / "x.jsonl"), options=FormatOptions("lines"))
