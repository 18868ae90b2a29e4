"""Unpacks gzip, bzip2 and xz piece by piece, however much the data unfolds to."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.text.shell_words import name_file
from mmpipe.unix.streams import STDIN_NAME

_PIECE: Final = 2**16  # bytes
_GZIP: Final = 16 + zlib.MAX_WBITS  # tells zlib to expect a gzip header
# What `xz -9` needs, and some more; a file can ask for gigabytes.
_XZ_MEMORY: Final = 96 * 2**20  # bytes


class Unpacker(Protocol):
    """Unpacks one stream; a file may have several."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Up to `max_length` bytes of the content; the rest of `data` is kept."""
        ...

    @property
    def needs_input(self) -> bool:
        """True if all of the data has been unpacked."""
        ...

    @property
    def eof(self) -> bool:
        """True at the end of the stream."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The data after the end of the stream."""
        ...


# Opens a stream, and the exception of data that is not valid.
Library = tuple[Callable[[], Unpacker], type[Exception]]


@dataclass(frozen=True, slots=True)
class Compression:
    """A compression by the name of its program; `load` raises ImportError where Python is built without it."""

    name: str
    ending: str  # of file names
    load: Callable[[], Library]


class _GzipMember:
    """A member of gzip data, with the methods of the other two."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._left = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        content = self._member.decompress(self._left + data, max_length)
        self._left = self._member.unconsumed_tail
        return content

    @property
    def needs_input(self) -> bool:
        # A member ends with its check sum, so that input is left while there is more output.
        return not self._left

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data


def _load_gzip() -> Library:
    return _GzipMember, zlib.error


def _load_bzip2() -> Library:
    from bz2 import BZ2Decompressor

    return BZ2Decompressor, OSError


def _load_xz() -> Library:
    from lzma import FORMAT_XZ, LZMADecompressor, LZMAError

    return lambda: LZMADecompressor(FORMAT_XZ, _XZ_MEMORY), LZMAError


COMPRESSIONS: Final = (
    Compression("gzip", ".gz", _load_gzip),
    Compression("bzip2", ".bz2", _load_bzip2),
    Compression("xz", ".xz", _load_xz),
)


def unpack(contents: Iterable[bytes], name: str, compression: Compression) -> Iterator[bytes]:
    """The content of compressed data, which may have several streams; at most one piece at a time.

    Raises InputError for data that is cut off or not valid, or needs too much memory.
    """
    open_stream, invalid = _load(name, compression)
    stream: Unpacker | None = open_stream()
    for content in contents:
        left = content
        while left or (stream is not None and not stream.needs_input):
            if stream is None:
                # Tapes and some writers pad a stream with zeros.
                left = left.lstrip(b"\0")
                stream = open_stream() if left else None
                continue
            try:
                unpacked = stream.decompress(left, _PIECE)
            except invalid as error:
                raise InputError(_describe(error, name, compression)) from error
            if unpacked:
                yield unpacked
            left = stream.unused_data if stream.eof else b""
            stream = None if stream.eof else stream
    if stream is not None:
        raise InputError(f"{name} is cut off: its {compression.name} data has no end")


def _load(name: str, compression: Compression) -> Library:
    try:
        return compression.load()
    except ImportError as error:
        raise InputError(f"this Python cannot unpack {name}{_advise(name, compression)}") from error


def _describe(error: Exception, name: str, compression: Compression) -> str:
    if str(error) == "Memory usage limit exceeded":
        most = f"{_XZ_MEMORY >> 20} MiB of memory"
        return f"{name} needs more than {most} to be unpacked{_advise(name, compression)}"
    return f"{name} is not valid {compression.name} data: {error}"


def _advise(name: str, compression: Compression) -> str:
    file = name_file(None if name == STDIN_NAME else name)
    return f": `{compression.name} -dc {file} | mmpipe batch`"
