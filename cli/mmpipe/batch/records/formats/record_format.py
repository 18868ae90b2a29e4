"""The seam of record formats: bytes of one source -> raw records -> values."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from msgspec import Struct

from mmpipe.errors import InputError
from mmpipe.text.utf8 import describe_utf8_error

MAX_RECORD: Final = 16 * 2**20  # bytes
NEWLINE: Final = b"\n"
NUL: Final = b"\0"


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
    """The parsed record: `value` is a string (a prompt) or an object; `text` is the record as text, JSON for an object."""

    text: str
    value: object


class RecordFormat(ABC):
    """A format reading one source; an instance may remember what the source began with, such as a header."""

    endings: ClassVar[tuple[str, ...]] = ()  # of file names, without `.gz`

    def __init__(self, source: str, separator: bytes = NEWLINE, limit: int = MAX_RECORD) -> None:
        self.source, self.separator, self.limit = source, separator, limit

    @classmethod
    def begins(cls, first: bytes) -> bool:  # noqa: ARG003  most formats are chosen by option or file name only
        """Return True if a source whose first line that is not blank is `first` has this format."""
        return False

    @abstractmethod
    def split(self, pieces: Iterable[bytes | None]) -> Iterator[RawRecord | Unreadable | None]:
        """Cut pieces into raw records, in linear time, holding at most `limit` bytes of a record.

        An empty piece ends the source. If it is missing, reading was stopped, and an incomplete record is dropped.
        None says that the next piece has not arrived yet, and is passed on.
        """

    @abstractmethod
    def parse(self, raw: RawRecord) -> Content:
        """Parse a raw record that is not blank; raises InputError."""


def too_long(source: str, number: int, limit: int) -> Unreadable:
    """The record of more than `limit` bytes."""
    return Unreadable(source, number, f"it is longer than {limit} bytes")


def decode(raw: RawRecord) -> str:
    """The record as text; raises InputError with the byte's place in the record."""
    try:
        return raw.content.decode()
    except UnicodeDecodeError as error:
        raise InputError(describe_utf8_error("it", error, raw.skipped)) from error
