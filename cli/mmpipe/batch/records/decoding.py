"""Decodes text to UTF-8 piece by piece; bytes that cannot be decoded are marked, and spoil nothing but their record."""

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final

# A lone surrogate, which no text has: its low byte is the first byte that could not be decoded.
_MARKS: Final = 0xDC00
_MARK: Final = re.compile(rb"\xed[\xb0-\xb3][\x80-\xbf]")
_HANDLER: Final = "mmpipe.mark"


def decode_contents(contents: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The contents in UTF-8, in which no strict decoder accepts a mark."""
    codecs.register_error(_HANDLER, _mark)
    decoder = codecs.getincrementaldecoder(encoding)(_HANDLER)
    for content in contents:
        if text := _decode(decoder, content):
            yield text.encode(errors="surrogatepass")
    if text := decoder.decode(b"", final=True):
        yield text.encode(errors="surrogatepass")


def find_mark(content: bytes) -> tuple[int, int] | None:
    """The number of characters before the first mark, and the byte that it stands for; None without a mark."""
    found = _MARK.search(content)
    if found is None:
        return None
    mark = found[0].decode(errors="surrogatepass")
    return len(content[: found.start()].decode(errors="replace")), ord(mark) - _MARKS


def _decode(decoder: codecs.IncrementalDecoder, content: bytes) -> str:
    """Decode a piece.

    A decoder of ISO-2022 keeps eight bytes of an escape that a piece does not end, and refuses a piece with more, whatever
    else is in it. Such a piece is cut, down to the bytes after the escape, which is marked.
    """
    kept, shift = decoder.getstate()
    try:
        return decoder.decode(content)
    except UnicodeError:
        if len(content) > 1:
            decoder.setstate((kept, shift))
            middle = len(content) // 2
            return _decode(decoder, content[:middle]) + _decode(decoder, content[middle:])
        if not kept:
            raise
        decoder.setstate((b"", shift))
        return chr(_MARKS + kept[0]) + _decode(decoder, kept[1:] + content)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(_MARKS + error.object[error.start]), error.end
