"""Reads files and standard input in pieces, as soon as bytes arrive; this blocks, and runs in a thread."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from msgspec import Struct

from mmpipe.batch.records.input_file import InputFile
from mmpipe.errors import InputError

_PIECE = 2**16  # bytes
_GZIP_BEGINNING = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect a gzip header


class Piece(Struct, frozen=True, gc=False):
    """Bytes of `source` as they came; the last piece of each source is empty."""

    source: str
    content: bytes


def read_pieces(
    files: Sequence[InputFile], hold: Callable[[Iterable[bytes]], Iterator[bytes]] = iter
) -> Iterator[Piece]:
    """The pieces of all files in order; raises InputError for a failed read.

    The bytes of a file come through `hold`, which may end the reading: gzip data may unfold to nothing for ever.
    """
    for file in files:
        contents = hold(file.contents())
        first = next(contents, b"")
        # No text begins like that, whatever the name of the file.
        is_compressed = file.path.endswith(".gz") or first.startswith(_GZIP_BEGINNING)
        contents = chain([first] if first else [], contents)
        for content in _decompress(contents, file.name) if is_compressed else contents:
            yield Piece(file.name, content)
        yield Piece(file.name, b"")


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
