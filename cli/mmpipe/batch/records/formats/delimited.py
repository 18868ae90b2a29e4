"""Tables: CSV (RFC 4180) and TSV, whose first row names the columns; each further row is an object of strings.

A column without a name is named by its place, such as `column_1`.

A field that begins with a quote ends at its partner, and holds line ends and delimiters as they stand; a quote in it is
written twice. A quote anywhere else is a quote. TSV has the same rules: spreadsheets and pandas write them. Backslashes
mean nothing, so that a path of Windows stays what it is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from mmpipe.batch.records.cells import interpret_cells
from mmpipe.batch.records.fields import MISSING, describe_fields, find_field
from mmpipe.batch.records.formats.header import SEPARATOR_LINE, Header, HeaderReader
from mmpipe.batch.records.formats.json_array import JsonArray
from mmpipe.batch.records.formats.jsonl import JsonLines
from mmpipe.batch.records.formats.record_format import (
    Content,
    FormatOptions,
    RawRecord,
    RecordFormat,
    Unreadable,
)
from mmpipe.batch.records.formats.rows import RowSplitter, split_cells
from mmpipe.errors import InputError
from mmpipe.text.encodings import UTF_8
from mmpipe.text.visible import one_line

_PROMPTS = ("prompt", "messages", "body")
_SHOWN = 20  # columns that an error names


class Table(RecordFormat):
    """A table; its header is read before the first row."""

    ends_with_separator = False
    delimiters: ClassVar[bytes]  # the first one that the header holds, or else the very first

    def __init__(self, source: str, options: FormatOptions, encoding: str = UTF_8) -> None:
        super().__init__(source, options, encoding)
        self._columns: Sequence[str] = ()
        self._blank_row: Mapping[str, str] = {}
        self._delimiter = ""

    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """The rows after the header; raises InputError for a header that no records can be made of."""
        reader = HeaderReader(self.source, self.delimiters, self.options.limit)
        rows: RowSplitter | None = None
        for piece in pieces:
            if piece is None:
                yield None
            elif rows is not None:
                yield from rows.feed(piece) if piece else rows.close()
            elif (header := reader.feed(piece) if piece else reader.close()) is not None:
                self._read_columns(header)
                rows = RowSplitter(self.source, header, self.options.limit)
                yield from rows.feed(header.rest)
                if not piece:
                    yield from rows.close()

    @property
    def blank_row(self) -> Mapping[str, str] | None:
        # One for all bad rows: a row of few bytes must not take the memory of all columns.
        return self._blank_row

    def parse(self, raw: RawRecord) -> Content:
        """The row as an object; raises InputError for a wrong number of columns."""
        cells = split_cells(self.decode(raw), self._delimiter)
        if len(cells) != len(self._columns):
            raise InputError(f"it has {_count(len(cells))}, and the header has {len(self._columns)}")
        row = dict(zip(self._columns, cells, strict=True))
        names = self.options.request_columns
        return Content(row if names is None else interpret_cells(row, names), row=row)

    def _read_columns(self, header: Header) -> None:
        self._delimiter = header.delimiter.decode()
        try:
            _refuse_json(header.row.content)
            names = split_cells(self.decode(header.row), self._delimiter)
            # Programs write no name over the numbers of rows, and spreadsheets none over empty columns.
            self._columns = [name or f"column_{place}" for place, name in enumerate(names, 1)]
            self._blank_row = dict.fromkeys(self._columns, "")
            self._check_columns()
            self.options.on_columns(self._columns)
        except InputError as error:
            raise InputError(
                f"{self.source}, line {header.row.number}: {error.sentence}", hint=error.hint
            ) from error

    def _check_columns(self) -> None:
        """Raise InputError for columns that cannot be told apart, or that no prompt can be made of."""
        columns = self._columns
        twice = [name for name, count in Counter(columns).items() if count > 1]
        if twice:
            places = " and ".join(str(at) for at, name in enumerate(columns, 1) if name == twice[0])
            raise InputError(
                f"columns {places} of the header have one name, {twice[0]!r}: rename one of them"
            )
        for name in self.options.needed:
            # Without a row, too: a wrong name must not look like a table that is done.
            if find_field(self._blank_row, name) is MISSING:
                found, hint = describe_fields(self._blank_row, name)
                raise InputError(f"the table has no column {one_line(name, 60)}: {found}", hint=hint)
        if self.options.request_columns is not None and not set(_PROMPTS) & set(columns):
            shown = ", ".join(one_line(name, 60) for name in columns[:_SHOWN])
            more = f" (and {len(columns) - _SHOWN} more)" if len(columns) > _SHOWN else ""
            example = columns[-1].replace("{", "{{").replace("}", "}}")
            raise InputError(
                f"the table has no column {', '.join(_PROMPTS[:-1])} or {_PROMPTS[-1]}, but {shown}{more}",
                hint=f"make the prompt of them, such as --template '{{{one_line(example, 60)}}}'",
            )


class Csv(Table):
    """A table with commas; without a comma in the header, with semicolons or tabs. A line `sep=;` before it decides."""

    endings = (".csv",)
    delimiters = b",;\t"

    @classmethod
    def begins(cls, first: bytes, *, is_whole: bool) -> bool:
        """Return True if the first line names the delimiter, as spreadsheets do."""
        return is_whole and SEPARATOR_LINE.fullmatch(first.strip(b"\r\n")) is not None


class Tsv(Table):
    """A table with tabs."""

    endings = (".tsv", ".tab")
    delimiters = b"\t"


def _refuse_json(header: bytes) -> None:
    """Raise InputError for a header that is the first line of JSON."""
    if not header.lstrip().startswith((b"{", b"[")):
        return
    for form, name in ((JsonLines, "jsonl"), (JsonArray, "json")):
        if form.begins(header, is_whole=True):
            raise InputError(f"it is JSON, and not the header of a table: --input-format {name} reads it")


def _count(columns: int) -> str:
    return "1 column" if columns == 1 else f"{columns} columns"
