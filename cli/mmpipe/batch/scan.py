"""Reads journals: whole lines out of big blocks, what each record says of itself, and a torn end."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import JSONDecoder
from json.scanner import make_scanner
from typing import Final, NamedTuple

from mmpipe.errors import InputError
from mmpipe.strict_json import loads

_BLOCK: Final = 1 << 20
# More than any record of ours; a file with longer lines is something else, and must not fill the memory.
LINE_LIMIT: Final = 64 << 20
# What JSONDecoder calls itself; typeshed has it take one of its own kind.
_SCAN: Final = make_scanner(JSONDecoder())  # type: ignore[arg-type]
_SHA256: Final = 64  # hexadecimal digits
_ATTEMPTS: Final = 1 << 31


class Entry(NamedTuple):
    """What one record says of itself; `request` is the first half of its hash, `attempt` 0 if not said."""

    name: str
    request: bytes
    good: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The bytes after the last newline, from `start`; behind `end` are only NULs, up to `size`."""

    start: int
    end: int
    size: int


def entry(line: bytes) -> Entry:
    """Raises ValueError, saying what the line is, if it is no record of a batch."""
    record = _read(line)
    name = record.get("custom_id")
    if name is None:
        name = record.get("id")
    trouble = record.get("error", False)
    attempt = record.get("attempt", 0)
    # In one function, and one look at each: a large journal has half a million of them.
    if (
        isinstance(name, str)
        and (trouble is None or isinstance(trouble, dict))
        and type(attempt) is int
        and 0 <= attempt < _ATTEMPTS
    ):
        return Entry(name, request_half(record.get("request_sha256")), trouble is None, attempt)
    raise ValueError("has no id, error or attempt as a record of a batch has them")


def request_half(sha256: object) -> bytes:
    """The 16 bytes by which a request is told from another; raises ValueError for what is no SHA-256."""
    if isinstance(sha256, str) and len(sha256) == _SHA256:
        try:
            return bytes.fromhex(sha256)[:16]
        except ValueError:
            raise ValueError("has a request_sha256 that is none") from None
    raise ValueError("has no request_sha256")


def lines(descriptor: int, end: int) -> Iterator[bytes]:
    """Every line before `end`, which is after a newline, without its own newline."""
    rest = b""
    at = 0
    while at < end and (block := os.pread(descriptor, min(_BLOCK, end - at), at)):
        at += len(block)
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if len(rest) > LINE_LIMIT:
            # Shown in part it is no record, and the caller knows its number.
            yield rest[:1]
            return


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


def _read(line: bytes) -> dict[str, object]:
    """As strict_json.loads, in two thirds of the time where nothing is around the object."""
    value: object
    try:
        text = line.decode()
        value, end = _SCAN(text, 0)
        if end != len(text):
            value = loads(text)
    except (ValueError, RecursionError, StopIteration):
        raise ValueError("is not JSON in UTF-8") from None
    if type(value) is dict:
        return value
    raise ValueError("is not a JSON object")


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
