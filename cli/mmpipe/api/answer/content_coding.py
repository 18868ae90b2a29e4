"""Undoes the compression of a body, piece by piece; no I/O. Servers use it unasked (FACTS.md, "Framing")."""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from mmpipe.errors import BadResponse

STEP: Final = (
    2**16
)  # bytes that one step may unfold to: a decompression bomb shows before it fills the memory
_SLICE: Final = 2**12  # bytes; zlib copies what it has not read yet after each step and each member
MAX_RECEIVED: Final = 64 * 2**20  # compressed bytes of one body, since they may unfold to nothing
_MOST_CODINGS: Final = 2  # of one body; nobody sends more
_GZIP: Final = b"\x1f\x8b"
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS
_ENOUGH: Final = 8  # bytes without spaces that tell text from compressed bytes
_MOST_SPACES: Final = 64
_DECODABLE: Final = frozenset(("gzip", "x-gzip", "deflate"))
# The other codings that servers use. Any other word in Content-Encoding names no coding.
_UNREADABLE: Final = frozenset(
    ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "lz4", "snappy", "xz", "bzip2")
)
# The beginning of an answer, a stream or a page. No deflate and no brotli begins like that.
_TEXT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:\Z|\{\s*[\"}]|\[\s*[\[{\]]|:|(?:data|event|id|retry|error):|<[!?a-z])",
    re.IGNORECASE,
)


def parse_codings(header: str) -> tuple[str, ...]:
    """The codings that a Content-Encoding names, in lower case. Words that name none are left out (`utf-8`, `none`)."""
    names = (name.strip().lower() for name in header.split(","))
    return tuple(name for name in names if name in _DECODABLE or name in _UNREADABLE)


class ContentDecoder:
    """Bytes of a body in, its content out. The bytes decide: a proxy may unpack a body and keep its header.

    Raises BadResponse for a coding that is not gzip or deflate, for corrupt bytes, and for too many of them.
    """

    def __init__(self, codings: tuple[str, ...] = (), limit: int = MAX_RECEIVED) -> None:
        # The last coding was applied last. Below all that are named, gzip is known by its bytes.
        self._layers = [_Layer(coding) for coding in (*reversed(codings[-_MOST_CODINGS:]), "")]
        self._limit = limit
        self._received = 0
        self.is_plain = False  # True once the first bytes have shown that nothing is compressed

    @property
    def is_cut(self) -> bool:
        """True if the compressed bytes end before their end."""
        return any(layer.is_cut for layer in self._layers)

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The content in the next bytes; what is unfolded comes in pieces of at most STEP bytes."""
        if self.is_plain:
            yield received
            return
        self._received += len(received)
        if self._received > self._limit:
            raise BadResponse(f"the compressed answer is longer than {self._limit} bytes")
        pieces: Iterable[bytes] = (received,)
        for layer in self._layers:
            pieces = _pass_through(layer, pieces)
        yield from pieces
        self.is_plain = all(layer.is_plain for layer in self._layers)

    def close(self) -> Iterator[bytes]:
        """The content that was held back, since it was too short to decide about it."""
        pieces: Iterable[bytes] = ()
        for layer in self._layers:
            pieces = [*_pass_through(layer, pieces), *layer.close()]
        yield from pieces


class _Layer:
    """One coding, perhaps named; its first bytes show whether it was applied."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._held = b""  # bytes that are too few to decide about them
        self._inflater: _Inflater | None = None
        self.is_plain = False

    @property
    def is_cut(self) -> bool:
        if self._inflater is None:
            return bool(self._held) and (self._coding == "deflate" or self._held == _GZIP[:1])
        return self._inflater.is_cut

    def feed(self, received: bytes) -> Iterator[bytes]:
        if self.is_plain:
            yield received
        elif self._inflater is not None:
            yield from self._inflater.feed(received)
        else:
            yield from self._begin(self._held + received)

    def close(self) -> Iterator[bytes]:
        if self._held and self._coding in _UNREADABLE:
            raise self._unreadable()
        if self._held:
            yield self._held

    def _begin(self, first: bytes) -> Iterator[bytes]:
        self._held = first
        wbits = self._detect(first)
        if wbits is None:
            return
        self._held = b""
        if wbits:
            self._inflater = _Inflater(wbits)
            yield from self._inflater.feed(first)
        else:
            self.is_plain = True
            yield first

    def _detect(self, first: bytes) -> int | None:
        """The format in zlib's numbers, 0 for none, None if more bytes are needed."""
        if len(first) < len(_GZIP):
            return None
        if first.startswith(_GZIP):
            return _GZIP_FORMAT
        if self._coding in _DECODABLE and _is_zlib(first):
            return zlib.MAX_WBITS
        if self._coding in ("", "gzip", "x-gzip"):
            return 0
        # Brotli and deflate without the header of zlib have no magic number; text shows what they are not.
        if len(first.lstrip()) < _ENOUGH and len(first) < _MOST_SPACES:
            return None
        if _TEXT.match(first):
            return 0
        if self._coding in _UNREADABLE:
            raise self._unreadable()
        return -zlib.MAX_WBITS if _inflates(first) else 0

    def _unreadable(self) -> BadResponse:
        return BadResponse(
            f"the service compressed its answer with {self._coding}, although the request forbids compression"
        )


class _Inflater:
    """Unfolds one or more members of gzip, or one stream of deflate, with or without the header of zlib."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._member: zlib._Decompress | None = zlib.decompressobj(wbits)
        self._after = b""  # the bytes after a member

    @property
    def is_cut(self) -> bool:
        return self._member is not None or bool(self._after)

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The content in the next bytes; raises BadResponse."""
        for at in range(0, len(received), _SLICE):
            yield from self._inflate(received[at : at + _SLICE])

    def _inflate(self, received: bytes) -> Iterator[bytes]:
        while True:
            if self._member is None:
                # Some servers fill up with zeros.
                received = (self._after + received).lstrip(b"\0\t\n\r ")
                self._after = received
                if len(received) < len(_GZIP):
                    return
                self._after, self._member = b"", self._next_member(received)
            content = self._decompress(self._member, received)
            if content:
                yield content
            if self._member.eof:
                received, self._member = self._member.unused_data, None
                continue
            received = self._member.unconsumed_tail
            if not received and len(content) < STEP:
                return

    def _next_member(self, received: bytes) -> "zlib._Decompress":
        if self._wbits != _GZIP_FORMAT or not received.startswith(_GZIP):
            raise _corrupt("other bytes follow them")
        return zlib.decompressobj(self._wbits)

    def _decompress(self, member: "zlib._Decompress", received: bytes) -> bytes:
        try:
            return member.decompress(received, STEP)
        except zlib.error as error:
            raise _corrupt(str(error)) from error


def _corrupt(reason: str) -> BadResponse:
    return BadResponse(f"the compressed bytes of the answer are corrupt: {reason}")


def _is_zlib(first: bytes) -> bool:
    """True for the header of RFC 1950: the method 8, a window of at most 32 KiB, and a checksum."""
    return first[0] & 0x0F == 8 and first[0] >> 4 <= 7 and (first[0] << 8 | first[1]) % 31 == 0  # noqa: PLR2004


def _inflates(first: bytes) -> bool:
    """True if these may be the first bytes of deflate without the header of zlib."""
    try:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(first, STEP)
    except zlib.error:
        return False
    return True


def _pass_through(layer: _Layer, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from layer.feed(piece)
