"""Reads journals: complete lines, the entry of each record, and a torn end."""

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from mmpipe.api.answer.wire import MAX_ANSWER
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.ledger import make_key
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text.strict_json import loads

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BLOCK: Final = 1 << 20
_READ: Final = 1 << 16  # stays in the cache until its lines are decoded
# Bytes. A line holds the text and the thinking of an answer twice or three times, and no longer line is written
# (results.py). A file with longer lines is not a journal, and must not fill the memory.
LINE_LIMIT: Final = 4 * MAX_ANSWER
MAX_ATTEMPT: Final = (1 << 30) - 1  # later ones are counted as this one
_NO_RECORD: Final = "lacks a valid id, error, attempt or request_sha256, which a record of a batch has"
# Instead of the identity of a host: the answer came from a recording that names none.
UNKNOWN_HOST: Final = "an unknown host"
# Instead of half a hash: the record had no valid request.
NOT_ASKED: Final = bytes(16)


class Entry(msgspec.Struct, gc=False):
    """The fields of a record that a later run needs.

    `request` is the first half of the request's hash, or NOT_ASKED. `attempt` is 0 if unknown. `index` is the place in
    the whole input, or None if unknown. `format` is the format of the line. `host` is the identity of the host that
    answered, or None in a line of an older version. `dollars` are its cost, 0 if unknown. `has_own_id` is False if the
    record is named by its place, and None in a line of an older version whose name may be either.
    """

    name: str
    request: bytes
    good: bool
    attempt: int
    index: int | None
    format: JournalFormat
    host: str | None = None
    has_own_id: bool | None = True
    dollars: float = 0.0


class _EntryFields(msgspec.Struct, gc=False):
    """The fields that are decoded; skipping all others makes it fast."""

    error: dict[str, object] | None
    # Of lines in the form of the Batch API, where a cut answer is no error.
    incomplete: dict[str, object] | None = None
    request_sha256: Annotated[str, msgspec.Meta(min_length=64, max_length=64)] | None = None
    id: object = None
    custom_id: object = None
    attempt: Annotated[int, msgspec.Meta(ge=0, le=MAX_ATTEMPT)] = 0
    index: object = None
    host: object = msgspec.UNSET
    has_own_id: object = None
    cost: object = None


def entry_key(found: Entry) -> bytes:
    """The key of the record; one that was never asked goes by its place, since another may rightly have its id."""
    if found.request == NOT_ASKED and found.index is not None:
        return make_key(str(found.index), has_own_id=False)
    return make_key(found.name, has_own_id=found.has_own_id)


_DECODE: Final = msgspec.json.Decoder(_EntryFields).decode


class _FilePart(io.RawIOBase):
    """A file up to `end`, read without moving the position of its descriptor."""

    def __init__(self, descriptor: int, end: int) -> None:
        self._descriptor, self._end, self._at = descriptor, end, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        count = os.preadv(self._descriptor, [memoryview(buffer)[: self._end - self._at]], self._at)
        self._at += count
        return count


@dataclass(frozen=True, slots=True)
class Tail:
    """The bytes after the last newline, from `start`; from `end` up to `size` there are only NULs."""

    start: int
    end: int
    size: int


def entry(line: bytes) -> Entry:
    """Parse a line; raises ValueError with a phrase about the line if it is not a record of a batch."""
    try:
        # msgspec does not check the fields that it skips.
        if not line.isascii():
            line.decode()
        fields = _DECODE(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = _parse_slowly(line)
    is_good = fields.error is None and fields.incomplete is None
    name, index, sha256 = fields.custom_id, fields.index, fields.request_sha256
    # Only a line of the Batch API has both names.
    line_format: JournalFormat = "jsonl" if name is None or fields.id is None else "openai"
    if name is None:
        name = fields.id
    if type(name) is not str:
        raise ValueError(_NO_RECORD)
    if type(index) is not int or index < 0:
        index = None
    own = fields.has_own_id
    if type(own) is not bool:
        own = None if name.isdecimal() and (index is None or name == str(index)) else True
    if sha256 is not None:
        host = None if fields.host is msgspec.UNSET else UNKNOWN_HOST
        if type(fields.host) is str:
            host = fields.host
        dollars = fields.cost if type(fields.cost) is float else 0.0
        return Entry(
            name, request_half(sha256), is_good, fields.attempt, index, line_format, host, own, dollars
        )
    if fields.error is not None and not fields.attempt:
        return Entry(name, NOT_ASKED, False, 0, index, line_format, None, own)
    raise ValueError("has no request_sha256")


def request_half(sha256: str) -> bytes:
    """The 16 bytes that identify a request; raises ValueError if `sha256` is not a SHA-256."""
    try:
        return bytes.fromhex(sha256)[:16]
    except ValueError:
        raise ValueError("has a request_sha256 that is not one") from None


def lines(descriptor: int, end: int) -> Iterator[bytes]:
    """Every line before `end`, which is after a newline; a line that is too long comes in parts, which are not records."""
    # Twice as fast as cutting blocks into lists of lines.
    following = io.BufferedReader(_FilePart(descriptor, end), _READ).readline
    while line := following(LINE_LIMIT):
        yield line


def entries(descriptor: int, end: int, path: str) -> Iterator[Entry]:
    """The entry of each line; raises InputError for a line that is not a record."""
    for number, line in enumerate(lines(descriptor, end), 1):
        try:
            yield entry(line)
        except ValueError as error:
            raise not_a_journal(path, f"line {number} {error}") from error


def find_tail(descriptor: int) -> Tail:
    """Find the end of the complete lines; after a power cut some file systems leave NULs in place of the last write."""
    size = os.fstat(descriptor).st_size
    end = start = 0
    for offset, block in _backwards(descriptor, size):
        if kept := len(block.rstrip(b"\0")):
            end = offset + kept
            break
    for offset, block in _backwards(descriptor, end):
        if found := block.rfind(b"\n") + 1:
            start = offset + found
            break
    return Tail(start, end, size)


def last_line(descriptor: int, tail: Tail, path: str) -> tuple[bytes, Entry | None]:
    """Read the bytes of the tail, and their entry if they are a complete record without its newline.

    The caller cuts off a tail without an entry. So a tail that no torn write leaves is refused with InputError: a torn
    write leaves NULs, or the beginning of an object, which is never valid JSON.
    """
    if tail.end - tail.start > LINE_LIMIT:
        raise not_a_journal(path, "its last line is too long")
    line = os.pread(descriptor, tail.end - tail.start, tail.start)
    try:
        return line, entry(line)
    except ValueError as error:
        if line and (not line.startswith((b"{", b"\0")) or _is_json(line)):
            raise not_a_journal(path, f"its last line {error}") from error
    return line, None


def not_a_journal(path: str, reason: str) -> InputError:
    """The error for a file with content that no batch wrote."""
    return InputError(f"{path} is not a journal of mmpipe: {reason}; it was left as it is")


def _parse_slowly(line: bytes) -> _EntryFields:
    """Parse what msgspec refuses: lone surrogates, which records may hold, and lines that are not records."""
    try:
        value = loads(line.decode())
    except ValueError:
        raise ValueError("is not JSON in UTF-8") from None
    try:
        return msgspec.convert(value, _EntryFields)
    except msgspec.ValidationError:
        raise ValueError(_NO_RECORD if isinstance(value, dict) else "is not a JSON object") from None


def _is_json(line: bytes) -> bool:
    try:
        loads(line.decode())
    except ValueError:
        return False
    return True


def _backwards(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    while end > 0:
        start = max(0, end - _BLOCK)
        yield start, os.pread(descriptor, end - start, start)
        end = start
