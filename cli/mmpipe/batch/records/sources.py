"""Reads files and standard input in pieces of UTF-8, as soon as bytes arrive; this blocks, and runs in a thread."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from mmpipe.batch.records.compression import COMPRESSIONS, Compression, unpack
from mmpipe.batch.records.decoding import decode_contents
from mmpipe.batch.records.input_file import InputFile
from mmpipe.errors import InputError
from mmpipe.text.encodings import UTF_8, describe_unmarked
from mmpipe.text.file_advice import refuse_as_records
from mmpipe.text.file_kinds import FileKind, kind_of
from mmpipe.text.utf8 import measure_bom
from mmpipe.unix.streams import STDIN_NAME

# Bytes at the beginning that tell a compression or an encoding.
_TELLING: Final = 16


class Piece(Struct, frozen=True, gc=False):
    """Bytes of `source` as they came, or decoded from `encoding` to UTF-8; the last piece of each source is empty."""

    source: str
    content: bytes
    encoding: str = UTF_8


def read_pieces(
    files: Sequence[InputFile],
    hold: Callable[[Iterable[bytes]], Iterator[bytes]] = iter,
    encoding: str = UTF_8,
    *,
    has_nul: bool = False,
) -> Iterator[Piece]:
    """The pieces of all files in order; raises InputError for a failed read, and for a file that is no text.

    The bytes of a file come through `hold`, which may end the reading: packed data may unfold to nothing for ever. A
    byte order mark says more than `encoding`. `has_nul` is True if NUL ends the records: it tells no encoding then.
    """
    for file in files:
        first, contents = _look_at(hold(file.contents()))
        kind = kind_of(first)
        compression = _find_compression(file.path, kind)
        if compression is not None:
            first, contents = _look_at(unpack(contents, file.name, compression))
            kind = kind_of(first)
        if kind is not None and kind.encoding is None:
            raise InputError(
                refuse_as_records(kind, file.name, None if file.name == STDIN_NAME else file.path)
            )
        if not has_nul and (complaint := describe_unmarked(file.name, first, encoding)) is not None:
            raise InputError(complaint)
        codec = _choose_codec(first, kind, encoding)
        for content in contents if codec == UTF_8 else decode_contents(contents, codec):
            yield Piece(file.name, content, codec)
        yield Piece(file.name, b"", codec)


def _look_at(contents: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning, and all contents; a line that is complete is not held back."""
    first = b""
    for content in contents:
        first += content
        if len(first) >= _TELLING or b"\n" in first or b"\0" in first:
            break
    return first, chain([first] if first else [], contents)


def _find_compression(path: str, kind: FileKind | None) -> Compression | None:
    """The compression of the beginning, or else of the name: no text begins like that, whatever the file is called."""
    for compression in COMPRESSIONS:
        if kind is not None and kind.name == f"{compression.name} data":
            return compression
    return next((known for known in COMPRESSIONS if path.lower().endswith(known.ending)), None)


def _choose_codec(first: bytes, kind: FileKind | None, encoding: str) -> str:
    """The encoding that the byte order mark tells, or else `encoding`."""
    if measure_bom(first):
        return UTF_8
    if kind is not None and kind.encoding is not None:
        return kind.encoding
    # A decoder of pieces wants a mark, where a decoder of a whole text takes the order of this machine.
    return f"{encoding}-{sys.byteorder[0]}e" if encoding in ("utf-16", "utf-32") else encoding
