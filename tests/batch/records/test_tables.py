"""A table is CSV or TSV: its header names the columns, and each row is a record in the line where it begins."""

import tracemalloc
from collections.abc import Iterable

import pytest

from mmpipe.batch.records.formats.record_format import FormatOptions, RawRecord, Unreadable
from mmpipe.batch.records.sources import Piece
from mmpipe.errors import InputError, UsageError
from support.record_reading import split

Found = tuple[int, object]
DATA = FormatOptions()  # of a run with a template


def read(*contents: bytes, name: str = "in.csv", options: FormatOptions = DATA) -> list[Found]:
    """The line and the value of each row, or what is wrong with it."""
    found: list[Found] = []
    for own, raw in split([Piece(name, content) for content in (*contents, b"")], options):
        if isinstance(raw, Unreadable):
            found.append((raw.number, raw.message))
        elif raw is not None and own is not None:
            try:
                found.append((raw.number, own.parse(raw).value))
            except InputError as error:
                found.append((raw.number, error.message))
    return found


def everywhere(content: bytes, name: str = "in.csv", options: FormatOptions = DATA) -> list[Found]:
    """The rows, which do not depend on how the bytes came."""
    whole = read(content, name=name, options=options)
    for step in (1, 2, 3):
        pieces = (content[at : at + step] for at in range(0, len(content), step))
        assert whole == read(*pieces, name=name, options=options)
    return whole


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a,b\n", []),
        (b"a,b", []),
        (b"a,b\n1,2", [(2, ["1", "2"])]),
        (b"a,b\r\n1,2\r\n", [(2, ["1", "2"])]),
        (b"a,b\r1,2\r3,4", [(2, ["1", "2"]), (3, ["3", "4"])]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(2, ["1", "2"])]),
        (b'\xef\xbb\xbf"a\nx",b\n1,2\n', [(3, ["1", "2"])]),
        (b'a,b\n"1,2","say ""hi"""\n"",""""\n', [(2, ["1,2", 'say "hi"']), (3, ["", '"'])]),
        # Line ends inside quotes stay as they are, and the next row is in its line of the file.
        (b'a,b\n"x\r\ny\rz\n\n",1\n2,3\n', [(2, ["x\r\ny\rz\n\n", "1"]), (6, ["2", "3"])]),
        (b'a,b\r"x\ry\nz",1\r2,3\r', [(2, ["x\ry\nz", "1"]), (4, ["2", "3"])]),
        # A lone carriage return ends no row where another line end does.
        (b"a,b\nx\ry,1\n", [(2, ["x\ry", "1"])]),
        # A quote that begins no field is a quote.
        (b'a,b\n5" disk,2\n x "y", "z"\n', [(2, ['5" disk', "2"]), (3, [' x "y"', ' "z"'])]),
        # Spreadsheets fill up with rows of nothing.
        (b"\n\r\na,b\n\n1,\n,,\n , \r\n2,3\n", [(5, ["1", ""]), (8, ["2", "3"])]),
        ("名,b\n红楼梦,é\u2028\x85\n".encode(), [(2, ["红楼梦", "é\u2028\x85"])]),
        (b"a,b\n\0,\x0c\n", [(2, ["\0", "\x0c"])]),
    ],
)
def test_rows_have_the_cells_that_were_written(content: bytes, expected: list[Found]) -> None:
    found = everywhere(content)
    assert expected == [
        (line, list(value.values()) if isinstance(value, dict) else value) for line, value in found
    ]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"a,b;c\n1,2;3\n", "in.csv"),
        (b"a;b,c\n1;2,3\n".replace(b",", b".").replace(b".", b"\t"), "in.tsv"),
        (b'"a,x";b\n"1,5";2\n', "in.csv"),
        (b"a;b\r\n1,5;2\r\n", "in.CSV"),
        (b"a\tb\n1,5;\t2\n", "in.csv"),
        (b'sep=;\r\n"a,x";b\r\n1,5;2\r\n', "in.csv"),
        (b"\xef\xbb\xbfSEP=|\na,x|b\n1|2\n", "in.csv"),
        (b'"sep=;"\na,x;b\n1,5;2\n', "in.csv"),
        (b"sep=;\na,x;b\n1,5;2\n", "piped in"),
        (b"a,x;y\tb\n1\t2\n", "in.tsv"),
        (b"a,x\tb\n1\t2\n", "in.tab"),
    ],
)
def test_the_delimiter_is_that_of_the_header_or_of_the_line_before_it(content: bytes, name: str) -> None:
    [(_, row)] = everywhere(content, name)
    assert isinstance(row, dict)
    assert 2 == len(row)


def test_a_table_with_tabs_has_the_quotes_of_spreadsheets_and_no_escapes() -> None:
    content = b'path\ttext\nC:\\new\t"two\tfields ""in"" one\nline"\n'
    expected = [(2, {"path": "C:\\new", "text": 'two\tfields "in" one\nline'})]
    assert expected == everywhere(content, "in.tsv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"1", "it has 1 column, and the header has 2"),
        (b"1,2,3", "it has 3 columns, and the header has 2"),
        (b"1,2,", "it has 3 columns, and the header has 2"),
        (b'1,"a"b', "column 2 has text after its closing quote; inside quotes a quote is written twice"),
        (
            b'"He said \\"hi\\"",2',
            "column 1 has text after its closing quote; inside quotes a quote is written twice",
        ),
        (b"\xff,2", "it is not UTF-8: byte 0 is 0xff"),
    ],
)
def test_a_bad_row_is_refused_in_its_line_and_the_next_one_is_read(row: bytes, message: str) -> None:
    first, bad, last = everywhere(b'a,b\n"x\ny",2\n' + row + b"\n3,4\n")
    assert [(2, {"a": "x\ny", "b": "2"}), (5, {"a": "3", "b": "4"})] == [first, last]
    assert (4, True) == (bad[0], str(bad[1]).startswith(message))


def test_a_quote_that_is_never_closed_is_named_by_the_line_where_it_opened() -> None:
    content = b'a,b\n1,2\n"x\ny","open\n3,4\n'
    message = "the quote that opens a field in line 4 is never closed"
    assert [(2, {"a": "1", "b": "2"}), (3, message)] == everywhere(content)
    options = FormatOptions(limit=100)
    long = f"it is longer than 100 bytes: perhaps {message}"
    for rest in (b"3,4\n" * 50, b"z" * 500, b'""\n' * 50):
        assert [(2, {"a": "1", "b": "2"}), (3, long)] == everywhere(content + rest, options=options)


def test_after_a_row_that_is_too_long_the_next_one_is_read() -> None:
    options = FormatOptions(limit=20)
    for long in (
        b"x" * 30 + b",1",
        b'"' + b"x\n" * 15 + b'",1',
        b'1,"' + b'"",\n' * 9 + b'"',
        b'1,"' + b"z" * 20 + b'"y',
    ):
        content = b"a,b\n" + long + b"\n3,4\n"
        (line, message), last = everywhere(content, options=options)
        assert (2, True) == (line, str(message).startswith("it is longer than 20 bytes"))
        assert (3 + long.count(b"\n"), {"a": "3", "b": "4"}) == last


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"a,b,a", "in.csv, line 1: columns 1 and 3 of the header have one name, 'a': rename one of them"),
        (
            b"column_2,,b",
            "in.csv, line 1: columns 1 and 2 of the header have one name, 'column_2': rename one",
        ),
        (b'a,"b', "in.csv: a quote in the header is never closed"),
        (b"\xff,a", "in.csv, line 1: it is not UTF-8: byte 0 is 0xff"),
        (b'a,"b"c', "in.csv, line 1: column 2 has text after its closing quote"),
        (b"x" * 101, "in.csv: the header is longer than 100 bytes"),
    ],
)
def test_a_header_that_names_no_columns_ends_the_reading(header: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(header + b"\n1,2,3\n", options=FormatOptions(limit=100))
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("delimiter", [b",", b"\t", b";"])
def test_a_column_without_a_name_is_named_by_its_place(delimiter: bytes) -> None:
    content = b',a,"",b\n0,1.50,,x\n1,,"y, z",\n'.replace(b",", delimiter)
    rows = (("0", "1.50", "", "x"), ("1", "", f"y{delimiter.decode()} z", ""))
    columns = ("column_1", "a", "column_3", "b")
    expected = [(line, dict(zip(columns, cells, strict=True))) for line, cells in enumerate(rows, 2)]
    assert expected == everywhere(content)


REQUESTS = FormatOptions(
    request_columns=frozenset(
        {"prompt", "messages", "body", "model", "system", "parameters", "temperature", "stop"}
    )
)


def test_without_a_template_a_table_needs_a_column_that_makes_a_request() -> None:
    with pytest.raises(InputError) as caught:
        read(b"title,the {text}\n", options=REQUESTS)
    expected = (
        "in.csv, line 1: the table has no column prompt, messages or body, but title, the {text}; make the prompt of "
        "them, such as --template '{the {{text}}}'"
    )
    assert expected == caught.value.message
    with pytest.raises(InputError, match=r"c19 \(and 5 more\)"):
        read(",".join(f"c{number}" for number in range(25)).encode() + b"\n", options=REQUESTS)


@pytest.mark.parametrize("rows", [b"", b"1,2\n"])
def test_a_field_that_every_record_needs_is_missed_in_the_header_also_without_a_row(rows: bytes) -> None:
    content = b"id,the.text\n" + rows
    assert len(read(content, options=FormatOptions(needed=("the.text", "id")))) == bool(rows)
    for name, guess in (("teh.text", "; did you mean the.text?"), ("x", ""), ("id.x", "; did you mean id?")):
        with pytest.raises(InputError) as caught:
            read(content, options=FormatOptions(needed=("id", name)))
        expected = f"in.csv, line 1: the table has no column {name}: it has id, the.text{guess}"
        assert expected == caught.value.message


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'{"prompt": "a"}\n{"prompt": "b"}\n', "jsonl"),
        (b'\n {"prompt":"a","id":1}\n', "jsonl"),
        (b'\xef\xbb\xbf{"a": "x, \\"y"}\n', "jsonl"),
        (b'[\n{"prompt": "a"}]\n', "json"),
        (b'[{"prompt": "a"},\n', "json"),
    ],
)
def test_json_that_is_called_a_table_is_refused_with_its_format(content: bytes, name: str) -> None:
    for options in (DATA, REQUESTS, FormatOptions(needed=("prompt",))):
        with pytest.raises(InputError, match=f"it is JSON, .* --input-format {name} reads it"):
            read(content, options=options)


@pytest.mark.parametrize("header", [b'"prompt"', b"[id],prompt", b"{id},prompt", b"[1],b"])
def test_a_header_that_merely_begins_like_json_is_one(header: bytes) -> None:
    assert [] == read(header + b"\n")


def test_without_a_template_the_cells_of_request_fields_are_json_and_empty_ones_are_not_given() -> None:
    content = (
        b"id,prompt,model,temperature,stop,messages,note\n"
        b"007,12,,0.5,END,,5\n"
        b'8,,M3,,"[""a""]","[{""role"": ""user""}]",\n'
        b"9,x,,,,hello,\n"
    )
    expected = [
        {"id": "007", "prompt": "12", "temperature": 0.5, "stop": "END", "note": "5"},
        {"id": "8", "prompt": "", "model": "M3", "stop": ["a"], "messages": [{"role": "user"}], "note": ""},
    ]
    *good, (line, bad) = read(content, options=REQUESTS)
    assert expected == [value for _, value in good]
    assert (4, True) == (line, str(bad).startswith("its column messages must hold JSON"))
    # With a template they are data.
    assert {"temperature": "0.5", "messages": ""}.items() <= dict(read(content)[0][1]).items()  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.json"])
def test_records_of_a_table_or_an_array_do_not_end_with_nul(name: str) -> None:
    with pytest.raises(UsageError, match="--null is for lines and JSONL"):
        read(b'["a"]', name=name, options=FormatOptions(separator=b"\0"))


def rows(pieces: Iterable[Piece | None]) -> list[object]:
    return [raw.content if isinstance(raw, RawRecord) else raw for _, raw in split(pieces)]


def test_a_row_comes_before_the_next_piece_is_there_and_a_pause_is_passed_on() -> None:
    pieces = [
        Piece("in.csv", b"a"),
        None,
        Piece("in.csv", b'\n1\n"2'),
        None,
        Piece("in.csv", b'\n"\n3'),
        None,
    ]
    assert [None, b"1", None, b'"2\n"', None] == rows(pieces)


def test_a_row_that_is_not_complete_is_dropped_if_reading_was_ended() -> None:
    assert [b"1"] == rows([Piece("in.csv", b"a\n1\n2")])
    assert [b"1", b"2"] == rows([Piece("in.csv", b"a\n1\n2"), Piece("in.csv", b"")])


@pytest.mark.slow
def test_neither_rows_nor_an_open_quote_fill_the_memory() -> None:
    for content in (b'1,"x, ""y"""\n' * 50, b'"' + (b"x," * 400 + b"\n") * 70):
        pieces = (Piece("in.csv", content if number else b"a,b\n") for number in range(60))
        tracemalloc.start()
        try:
            for _ in split(pieces, FormatOptions(limit=2**20)):
                pass
            assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
        finally:
            tracemalloc.stop()
