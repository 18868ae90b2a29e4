"""The seam of record formats: bytes of one source -> raw records -> values."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct

from mmpipe.batch.records.decoding import find_mark
from mmpipe.batch.records.formats.names import FormatChoice
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text import exact_json
from mmpipe.text.encodings import UTF_8, describe_undecodable
from mmpipe.text.json_encoding import format_json

MAX_RECORD: Final = 16 * 2**20  # bytes
NEWLINE: Final = b"\n"
NUL: Final = b"\0"


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The format of all sources, or `auto`; records of text end with `separator`, and have at most `limit` bytes.

    `request_columns` are those columns of a table that are fields of a request; None if a template makes the prompts.
    Each of the fields `needed` must be a column of a table. `on_columns` gets the columns of each table, before its rows.
    """

    name: FormatChoice = "auto"
    separator: bytes = NEWLINE
    limit: int = MAX_RECORD
    request_columns: frozenset[str] | None = None
    needed: tuple[str, ...] = ()
    on_columns: Callable[[Sequence[str]], object] = tuple


# Structs, not frozen dataclasses: creating those would take longer than all other work on a record here.
class RawRecord(Struct, frozen=True, gc=False):
    """The bytes of a record, without its end.

    `number` is that of its line, from 1 in each source; `skipped` counts the bytes of a byte order mark before it.
    """

    source: str
    number: int
    content: bytes
    skipped: int = 0


class Unreadable(Struct, frozen=True, gc=False):
    """A record that could not be cut out, and the reason; none of its bytes are kept."""

    source: str
    number: int
    message: str


class Content(Struct, frozen=True, gc=False):
    """The parsed record: `value` is a string (a prompt) or an object, `source` its JSON, or the string.

    The row of a table has no JSON of its own, but `row`: its cells by their columns.
    """

    value: object
    source: str | None = None
    row: Mapping[str, str] | None = None

    @property
    def text(self) -> str:
        """The record as text, JSON for an object."""
        return format_json(self.value) if self.source is None else self.source

    def read_exactly(self) -> object:
        """The string, or the object with unchanged numbers (exact_json)."""
        if self.source is None or isinstance(self.value, str):
            return self.value
        return exact_json.loads(self.source)


class RecordFormat(ABC):
    """A format reading one source; an instance may remember what the source began with, such as a header."""

    endings: ClassVar[tuple[str, ...]] = ()  # of file names, in small letters, without that of a compression
    ends_with_separator: ClassVar[bool] = True  # each record does

    def __init__(self, source: str, options: FormatOptions, encoding: str = UTF_8) -> None:
        self.source, self.options, self._encoding = source, options, encoding

    @classmethod
    def begins(cls, first: bytes, *, is_whole: bool) -> bool:  # noqa: ARG003  most formats are chosen by option or file name only
        """Return True if a source whose first line that is not blank is `first`, or begins so, has this format."""
        return False

    @property
    def blank_row(self) -> Mapping[str, str] | None:
        """A row of a table with nothing in its cells; None for formats that have no columns."""
        return None

    def decode(self, raw: RawRecord) -> str:
        """The record as text; raises InputError with the place of the first byte that cannot be decoded."""
        try:
            return raw.content.decode()
        except UnicodeDecodeError as error:
            raise InputError(self._describe(error, raw.skipped)) from error

    def _describe(self, error: UnicodeDecodeError, skipped: int) -> str:
        marked = None if self._encoding == UTF_8 else find_mark(error.object)
        if marked is not None:
            place, byte = marked
            return f"it is not {self._encoding.upper()}: byte 0x{byte:02x} stands after {place} characters"
        # Bytes are counted with the byte order mark.
        shifted = UnicodeDecodeError(
            error.encoding,
            bytes(skipped) + error.object,
            error.start + skipped,
            error.end + skipped,
            error.reason,
        )
        return describe_undecodable("it", shifted)

    @abstractmethod
    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """Cut pieces into raw records, in linear time, holding at most `limit` bytes of a record.

        An empty piece ends the source. If it is missing, reading was stopped, and an incomplete record is dropped.
        None says that the next piece has not arrived yet, and is passed on. Raises InputError if no record can be read.
        """

    @abstractmethod
    def parse(self, raw: RawRecord) -> Content:
        """Parse a raw record that is not blank; raises InputError."""


def too_long(source: str, number: int, limit: int) -> Unreadable:
    """The record of more than `limit` bytes."""
    return Unreadable(source, number, f"it is longer than {limit} bytes")
