"""Laws of tables: what programs write is read back, however the bytes came."""

import csv
import io
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mmpipe.batch.records.formats.record_format import FormatOptions, RawRecord, Unreadable
from mmpipe.batch.records.sources import Piece
from mmpipe.errors import InputError
from support.piece_cuts import PLACES, cut
from support.record_reading import split

pytestmark = pytest.mark.laws

SCRAPS = st.sampled_from(
    ['"', '""', ",", ";", "\t", "\n", "\r\n", "\r", " ", "a", "红", "\u2028", "\0", "\\"]
)
CELL = st.lists(SCRAPS | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=5).map(
    "".join
)
# A column to the left with content, since rows of nothing are skipped.
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=5)


def read(content: bytes, places: list[int], name: str) -> list[list[str]]:
    pieces = [Piece(name, piece) for piece in cut(content, places) if piece] + [Piece(name, b"")]
    found = []
    for own, raw in split(pieces):
        assert own is not None
        assert isinstance(raw, RawRecord), raw
        value = own.parse(raw).value
        assert isinstance(value, dict)
        found.append([*value.values()][1:])
        # A row is in the line where it begins.
        assert re.split(rb"\r\n|\r|\n" if b"\r" in content and b"\n" not in content else rb"\n", content)[
            raw.number - 1
        ].startswith((b"r", b'"r"'))
    return found


@given(
    ROWS,
    PLACES,
    st.sampled_from([(",", "in.csv"), (";", "in.csv"), ("\t", "in.csv"), ("\t", "in.tsv")]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_python_and_pandas_write_is_read_back(
    rows: list[list[str]], places: list[int], written: tuple[str, str], line_end: str, quoting: int
) -> None:
    delimiter, name = written
    # Python 3.11 leaves a lone carriage return unquoted then, and nobody can tell it from a line end.
    has_return = any("\r" in cell for row in rows for cell in row)
    assume(not (has_return and line_end == "\n" and quoting == csv.QUOTE_MINIMAL))
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["key", "a b", "c"])
    writer.writerows(["r", *row] for row in rows)
    assert rows == read(file.getvalue().encode(), places, name)


def quote_as_spreadsheets(cell: str, delimiter: str) -> str:
    """The cell with quotes only where it needs them."""
    return '"' + cell.replace('"', '""') + '"' if re.search(f'["\r\n{delimiter}]', cell) else cell


@given(ROWS, PLACES, st.sampled_from([",", ";", "|"]), st.booleans(), st.booleans())
def test_what_spreadsheets_write_is_read_back(
    rows: list[list[str]], places: list[int], delimiter: str, mark: bool, empty_rows: bool
) -> None:
    lines = [f"sep={delimiter}", delimiter.join(["key", "a,b" if delimiter != "," else "a", "c"])]
    for row in rows:
        lines.append(
            delimiter.join(["r", *(quote_as_spreadsheets(cell, re.escape(delimiter)) for cell in row)])
        )
        lines.extend([delimiter * 2] * empty_rows)
    content = ("\ufeff" * mark + "".join(f"{line}\r\n" for line in lines)).encode()
    assert rows == read(content, places, "in.csv")


@given(
    st.lists(st.lists(CELL.filter(lambda cell: not re.search('[\r\n\t"]', cell)), min_size=2, max_size=2)),
    PLACES,
)
def test_what_has_neither_tabs_nor_quotes_is_read_back_from_any_tsv(
    rows: list[list[str]], places: list[int]
) -> None:
    lines = ["key\ta\tb", *("\t".join(["r", *row]) for row in rows)]
    assert rows == read("".join(f"{line}\n" for line in lines).encode(), places, "in.tsv")


@given(
    st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b'""', b'",'])).map(b"".join),
    PLACES,
    st.integers(1, 12),
    st.sampled_from([b"a,b\n", b"a,b\r\n", b"a,b\r", b""]),
)
@example(b"", [4], 3, b"a,b\r\n")
def test_any_bytes_cut_anywhere_are_the_same_rows(
    content: bytes, places: list[int], limit: int, header: bytes
) -> None:
    def found(contents: list[bytes]) -> list[RawRecord | Unreadable | str | None]:
        raws: list[RawRecord | Unreadable | str | None] = []
        try:
            for _, raw in split(
                [Piece("in", piece) for piece in contents if piece] + [Piece("in", b"")], options
            ):
                raws.append(raw)
        except InputError as error:
            raws.append(error.message)
        return raws

    options = FormatOptions("csv", limit=limit)
    assert found([header + content]) == found(cut(header + content, places))
