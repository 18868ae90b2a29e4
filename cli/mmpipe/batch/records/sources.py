"""Reads files and standard input in pieces, as soon as bytes arrive; this blocks, and runs in a thread."""

import errno
import os
import select
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from mmpipe.errors import InputError, UsageError
from mmpipe.unix.streams import STDIN_NAME, Input

_PIECE = 2**16  # bytes
_GZIP_BEGINNING = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect a gzip header


class Piece(Struct, frozen=True, gc=False):
    """Bytes of `source` as they came; the last piece of each source is empty."""

    source: str
    content: bytes


# Of regular files, by device and inode.
Ends = Mapping[tuple[int, int], int]


def find_ends(paths: Sequence[str], stdin: Input) -> Ends:
    """The present ends of these files: bytes appended later, perhaps by a reader of our output, are not input."""
    ends = {}
    for path in paths or ("-",):
        # Opening the file later reports what is wrong with it.
        with suppress(OSError):
            status = os.fstat(stdin.descriptor) if path == "-" else Path(path).stat()
            # Files of the kernel have content although their size is 0.
            if stat.S_ISREG(status.st_mode) and status.st_size:
                ends[status.st_dev, status.st_ino] = status.st_size
    return ends


def read_pieces(paths: Sequence[str], stdin: Input, ends: Ends = MappingProxyType({})) -> Iterator[Piece]:
    """The pieces of all files in order, none beyond its end in `ends`; `-`, or no path at all, is standard input.

    Raises UsageError at once if standard input is named twice; iterating raises InputError for a failed read.
    """
    if paths.count("-") > 1:
        raise UsageError("standard input can be read once only: `-` is given more than once")
    return _pieces_of_all(paths or ("-",), stdin, ends)


def _pieces_of_all(paths: Sequence[str], stdin: Input, ends: Ends) -> Iterator[Piece]:
    for path in paths:
        with _open(path, stdin) as (descriptor, name):
            contents = _up_to(_bytes_left(descriptor, ends), _contents(descriptor, name))
            first = next(contents, b"")
            # No text begins like that, whatever the name of the file.
            is_compressed = path.endswith(".gz") or first.startswith(_GZIP_BEGINNING)
            contents = chain([first] if first else [], contents)
            for content in _decompress(contents, name) if is_compressed else contents:
                yield Piece(name, content)
        yield Piece(name, b"")


@contextmanager
def _open(path: str, stdin: Input) -> Iterator[tuple[int, str]]:
    """Yield a descriptor, and the name for error messages."""
    if path == "-":
        yield stdin.descriptor, STDIN_NAME
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError.from_os(path, error) from error
    except ValueError as error:
        raise InputError(f"cannot read {path!r}: {error}") from error
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)


def _bytes_left(descriptor: int, ends: Ends) -> int | None:
    """The number of bytes up to the end in `ends`; None if the end is not known."""
    with suppress(OSError):
        status = os.fstat(descriptor)
        end = ends.get((status.st_dev, status.st_ino))
        return None if end is None else end - os.lseek(descriptor, 0, os.SEEK_CUR)
    return None


def _up_to(left: int | None, contents: Iterator[bytes]) -> Iterator[bytes]:
    """The first `left` bytes of `contents`; None is all."""
    if left is None:
        yield from contents
        return
    while left > 0 and (content := next(contents, b"")):
        yield content[:left]
        left -= len(content)


def _contents(descriptor: int, name: str) -> Iterator[bytes]:
    """The bytes as soon as they arrive: a buffered reader would wait for more."""
    while True:
        try:
            content = os.read(descriptor, _PIECE)
        except BlockingIOError:
            # Another process sharing the descriptor made it non-blocking. select fails with a thousand open files.
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            waiting.poll()
            continue
        except OSError as error:
            if error.errno == errno.EIO and os.isatty(descriptor):
                # A background job may not read from its terminal.
                return
            raise InputError.from_os(name, error) from error
        if not content:
            return
        yield content


def _decompress(contents: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The content of gzip data, which may have several members; at most one piece at a time."""
    member: zlib._Decompress | None = zlib.decompressobj(_GZIP)
    for content in contents:
        left = content
        # A member ends with its check sum, so that input is left while there is more output.
        while left:
            if member is None:
                # Tapes and some writers pad a member with zeros.
                left = left.lstrip(b"\0")
                member = zlib.decompressobj(_GZIP) if left else None
                continue
            if inflated := _inflate(member, left, name):
                yield inflated
            left = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise InputError(f"{name} is cut off: its gzip data has no end")


def _inflate(member: "zlib._Decompress", data: bytes, name: str) -> bytes:
    try:
        return member.decompress(data, _PIECE)
    except zlib.error as error:
        raise InputError(f"{name} is not valid gzip data: {error}") from error
