"""Reads lines from files and standard input as soon as they are there; blocks, and is to be run in a thread."""

import errno
import os
import select
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mmpipe.batch.lines import MAX_LINE, NEWLINE, Line, Oversized, Splitter
from mmpipe.errors import InputError, UsageError
from mmpipe.streams import Input

STDIN_NAME = "standard input"
_PIECE = 2**16  # bytes
_GZIP = 16 + zlib.MAX_WBITS  # zlib's word for a gzip header


def read_lines(
    paths: Sequence[str], stdin: Input, *, separator: bytes = NEWLINE, limit: int = MAX_LINE
) -> Iterator[Line | Oversized]:
    """The lines of all files in order; `-`, or no path at all, is standard input.

    Raises UsageError at once where standard input is named twice, and while it is iterated InputError for what
    cannot be read.
    """
    if paths.count("-") > 1:
        raise UsageError("standard input can be read once only: `-` is given more than once")
    return _lines(paths or ("-",), stdin, separator, limit)


def _lines(paths: Sequence[str], stdin: Input, separator: bytes, limit: int) -> Iterator[Line | Oversized]:
    for path in paths:
        splitter = Splitter(STDIN_NAME if path == "-" else path, separator, limit)
        with _opened(path, stdin) as (descriptor, name):
            pieces = _pieces(descriptor, name)
            for piece in _unzipped(pieces, name) if path.endswith(".gz") else pieces:
                yield from splitter.feed(piece)
        yield from splitter.close()


@contextmanager
def _opened(path: str, stdin: Input) -> Iterator[tuple[int, str]]:
    """A descriptor, and how errors call it."""
    if path == "-":
        yield stdin.descriptor, STDIN_NAME
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"cannot read {path!r}: {error}") from error
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)


def _pieces(descriptor: int, name: str) -> Iterator[bytes]:
    """What is there, as soon as it is there: a buffered reader would wait for more."""
    while True:
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            # Somebody who shares the descriptor made it non-blocking.
            select.select([descriptor], [], [])
            continue
        except OSError as error:
            if error.errno == errno.EIO and os.isatty(descriptor):
                # A background job may not read from its terminal.
                return
            raise InputError(f"cannot read {name}: {error.strerror}") from error
        if not piece:
            return
        yield piece


def _unzipped(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The content of a gzip file, which may be several of them joined; never more than a piece at once."""
    member: zlib._Decompress | None = zlib.decompressobj(_GZIP)
    for piece in pieces:
        left = piece
        # The check sum comes last in a member, so that something is left while there is more to come out.
        while left:
            if member is None:
                # Tapes and some writers fill up with zeros after a member.
                left = left.lstrip(b"\0")
                member = zlib.decompressobj(_GZIP) if left else None
                continue
            yield _inflated(member, left, name)
            left = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise InputError(f"{name} is cut off: its gzip data has no end")


def _inflated(member: "zlib._Decompress", data: bytes, name: str) -> bytes:
    try:
        return member.decompress(data, _PIECE)
    except zlib.error as error:
        raise InputError(f"{name} is not sound gzip data: {error}") from error
