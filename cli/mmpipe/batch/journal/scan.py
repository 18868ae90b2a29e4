"""Reads journals: whole lines, what each record says of itself, and a torn end."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from mmpipe.errors import InputError
from mmpipe.text.strict_json import loads

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BLOCK: Final = 1 << 20
_READ: Final = 1 << 16  # stays in the cache until its lines are decoded
# More than any record of ours; a file with longer lines is something else, and must not fill the memory.
LINE_LIMIT: Final = 64 << 20
_NO_RECORD: Final = "has no id, error, attempt or request_sha256 as a record of a batch has them"
# Instead of half a hash, where nothing could be asked.
NOT_ASKED: Final = bytes(16)


class Entry(msgspec.Struct, gc=False):
    """What one record says of itself.

    `request` is the first half of its hash, or NOT_ASKED; `attempt` is 0 if not said; `index` is the place in the
    whole input, if it has one.
    """

    name: str
    request: bytes
    good: bool
    attempt: int
    index: int | None


class _Said(msgspec.Struct, gc=False):
    """The fields of a record that are read; the others are skipped, which is what makes it fast."""

    error: dict[str, object] | None
    request_sha256: Annotated[str, msgspec.Meta(min_length=64, max_length=64)] | None = None
    id: object = None
    custom_id: object = None
    attempt: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = 0
    index: object = None


_DECODE: Final = msgspec.json.Decoder(_Said).decode


class _Part(io.RawIOBase):
    """A file up to `end`, wherever others read and write in it."""

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
    """The bytes after the last newline, from `start`; behind `end` are only NULs, up to `size`."""

    start: int
    end: int
    size: int


def entry(line: bytes) -> Entry:
    """Raises ValueError, saying what the line is, if it is no record of a batch."""
    try:
        # Of what it skips msgspec does not ask whether it is UTF-8.
        line.decode()
        said = _DECODE(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = _read_slowly(line)
    name, index, sha256 = said.custom_id, said.index, said.request_sha256
    if name is None:
        name = said.id
    if type(name) is not str:
        raise ValueError(_NO_RECORD)
    if type(index) is not int or index < 0:
        index = None
    if sha256 is not None:
        return Entry(name, request_half(sha256), said.error is None, said.attempt, index)
    if said.error is not None and not said.attempt:
        return Entry(name, NOT_ASKED, False, 0, index)
    raise ValueError("has no request_sha256")


def request_half(sha256: str) -> bytes:
    """The 16 bytes by which a request is told from another; raises ValueError for what is no SHA-256."""
    try:
        return bytes.fromhex(sha256)[:16]
    except ValueError:
        raise ValueError("has a request_sha256 that is none") from None


def lines(descriptor: int, end: int) -> Iterator[bytes]:
    """Every line before `end`, which is after a newline; one that is too long comes in parts, which are no records."""
    # Half as dear as cutting blocks into lists of lines.
    following = io.BufferedReader(_Part(descriptor, end), _READ).readline
    while line := following(LINE_LIMIT):
        yield line


def entries(descriptor: int, end: int, path: str) -> Iterator[Entry]:
    """What each whole line says; raises InputError for one that is no record."""
    for number, line in enumerate(lines(descriptor, end), 1):
        try:
            yield entry(line)
        except ValueError as error:
            raise not_a_journal(path, f"line {number} {error}") from error


def find_tail(descriptor: int) -> Tail:
    """Where the whole lines end; some file systems leave NULs where a write was under way at power loss."""
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
    """The bytes of the tail, and what they say if they are a whole record that lacks its newline.

    The rest is about to be cut off, so it must be what a torn write of ours can leave: the beginning of an object,
    which is never JSON by itself, or NULs. Raises InputError for anything else.
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
    """The refusal to touch a file in which something is not ours."""
    return InputError(f"{path} is no journal that can be resumed: {reason}; it was left as it is")


def _read_slowly(line: bytes) -> _Said:
    """For what msgspec refuses: halves of surrogate pairs, which records may hold, and what is no record."""
    try:
        value = loads(line.decode())
    except ValueError:
        raise ValueError("is not JSON in UTF-8") from None
    try:
        return msgspec.convert(value, _Said)
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
