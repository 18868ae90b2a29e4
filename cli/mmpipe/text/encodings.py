"""Decodes the text of users, and explains bytes that are none: UTF-8, or what a mark or the user names; pure."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from mmpipe.text.file_advice import refuse_as_text
from mmpipe.text.file_kinds import LOOKED_AT, kind_of
from mmpipe.text.suggestions import suggest
from mmpipe.text.utf8 import describe_utf8_error, measure_bom

UTF_8: Final = "utf-8"
# Codecs of Python that no file is written in; some of them need time that grows with the square of the length.
_NO_FILES: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)
_CUT: Final = "; its last character is cut off"
_WINDOW: Final = 4096  # bytes from the first wrong one that tell what the text may be
_CONTROL: Final = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_CHINESE: Final = re.compile(
    rb"[\xa1-\xf7][\xa1-\xfe]"
)  # a character of GB 2312, as nearly all of a text in GBK are

# Units, none of which is NUL, and all of the planes that texts are written in.
_UTF_32: Final = (
    ("utf-32-le", re.compile(rb"(?:(?!\0{4}).{2}[\0-\x02]\0){2,}", re.DOTALL)),
    ("utf-32-be", re.compile(rb"(?:(?!\0{4})\0[\0-\x02].{2}){2,}", re.DOTALL)),
)
# Above the high bytes of Latin, Greek, Cyrillic, Hebrew and Arabic characters in UTF-16, and below the spaces of ASCII.
_SMALL: Final = 9


def find_codec(name: str) -> str | None:
    """Return the name of Python's codec for an encoding of text files, such as `gbk`; None for an unknown name."""
    found = _look_up(name)
    if found is None:
        return None
    # codecs.lookup also finds compressions and ciphers, which bytes.decode refuses.
    codec = found.name.replace("_", "-")
    return None if codec in _NO_FILES or not getattr(found, "_is_text_encoding", True) else codec


def list_codecs() -> Iterator[str]:
    """Yield the names of encodings that users type."""
    from encodings.aliases import aliases

    for codec in sorted({codec for codec in aliases.values() if find_codec(codec) is not None}):
        names = {codec, *(alias for alias, meant in aliases.items() if meant == codec)}
        yield from sorted(name.replace("_", "-") for name in names)


def suggest_codec(name: str) -> str:
    """Return a hint about a name that `find_codec` does not take; empty for one that is no misspelling."""
    return "" if _look_up(name) is not None else suggest(name, list_codecs())


def _look_up(name: str) -> codecs.CodecInfo | None:
    try:
        return codecs.lookup(name)
    except (LookupError, ValueError):
        return None


def decode_text(content: bytes, encoding: str = UTF_8) -> str:
    """Return the text without its byte order mark, which says more than `encoding`. Raises UnicodeDecodeError.

    The error counts from the beginning of `content`.
    """
    marked = kind_of(content[:4])
    if marked is not None and marked.encoding is not None:
        return content.decode(marked.encoding)
    skipped = measure_bom(content)
    if skipped or encoding in (UTF_8, "utf-8-sig"):
        try:
            return content[skipped:].decode()
        except UnicodeDecodeError as error:
            error.object, error.start, error.end = content, error.start + skipped, error.end + skipped
            raise
    return content.decode(encoding)


def describe_no_text(
    name: str, content: bytes, encoding: str = UTF_8, *, path: str | None = None
) -> str | None:
    """Return the message for content that is no text, though it may decode: an archive of texts does; None for text.

    `name` is that of the file in sentences, and `path` what a command can read, if there is one.
    """
    kind = kind_of(content)
    if kind is not None and kind.encoding is None:
        return refuse_as_text(kind, name, path)
    return describe_unmarked(name, content, encoding)


def describe_unmarked(name: str, content: bytes, encoding: str = UTF_8) -> str | None:
    """Return the message for UTF-16 or UTF-32 without a mark that would be read as UTF-8; None for other content.

    It tells by the first bytes: NULs at every second place, or nearly so, are no separators.
    """
    first = content[:LOOKED_AT]
    if encoding != UTF_8 or b"\0" not in first or kind_of(first) is not None:
        return None
    codec = _find_unmarked(first)
    if codec is None:
        return None
    return f"{name} looks like {codec[:6].upper()} without a byte order mark: add --encoding {codec}"


def describe_undecodable(name: str, error: UnicodeDecodeError) -> str:
    """Return the message for bytes that are not text in the encoding that was tried, with a hint at what they may be.

    `name` is that of the file in sentences.
    """
    content = error.object
    if error.encoding.replace("_", "-") != UTF_8:
        wrong = f"byte {error.start} is 0x{content[error.start]:02x}"
        return f"{name} is not {error.encoding.upper()}: {wrong}"
    return describe_utf8_error(name, error) + _guess(content, error)


def _find_unmarked(first: bytes) -> str | None:
    """Return the codec of a text that begins like UTF-16 or UTF-32; None for any other."""
    for codec, units in _UTF_32:
        if units.fullmatch(first[: len(first) & ~3]):
            return codec
    for high, codec in ((0, "utf-16-be"), (1, "utf-16-le")):
        highs, lows = first[high : len(first) & ~1 : 2], first[1 - high :: 2]
        small = sum(byte < _SMALL for byte in highs)
        if small > 1 and 4 * small >= 3 * len(highs) and 8 * lows.count(0) <= len(lows):
            return codec
    try:
        codecs.utf_8_decode(first)  # its last character may be cut
    except UnicodeDecodeError:
        likely = _likely_encoding(first) if first.count(0) > 1 else None
        return likely[1] if likely is not None and likely[0] == "UTF-16" else None
    return None


def _guess(content: bytes, error: UnicodeDecodeError) -> str:
    """Return the part of a sentence that names the encoding which the bytes from the first wrong one may have."""
    is_cut = error.reason == "unexpected end of data"
    # A line of Latin-1 may end so too, unless another character of it is one of UTF-8.
    if is_cut and not content[: error.start].isascii():
        return _CUT
    # From an even place, where a unit of UTF-16 begins.
    likely = _likely_encoding(content[error.start & ~1 :][:_WINDOW])
    cut = _CUT if is_cut else ""
    if likely is None:
        return cut
    return f"{cut}{', or' if cut else ';'} if it is {likely[0]}, add --encoding {likely[1]}"


def _likely_encoding(window: bytes) -> tuple[str, str] | None:
    """Return the name of an encoding and the word to type; None for bytes that look like no text."""
    for first, codec in ((0, "utf-16-be"), (1, "utf-16-le")):
        # Spaces and line ends of any language have a zero byte.
        zeros, others = window[first::2].count(0), window[1 - first :: 2].count(0)
        if zeros > len(window) // 16 and not others and _is_text(window[: len(window) & ~1], codec):
            return "UTF-16", codec
    if not _is_text(window, "latin-1"):
        return None
    if 2 * len(_CHINESE.findall(window)) > 0.9 * len(re.findall(rb"[\x80-\xff]", window)):
        return "GBK", "gbk"
    return ("Windows-1252", "cp1252") if re.search(rb"[\x80-\x9f]", window) else ("Latin-1", "latin-1")


def _is_text(window: bytes, codec: str) -> bool:
    """Return True if there is neither a control character nor a wrong byte in the text; its last character may be cut."""
    return _CONTROL.search(window.decode(codec, "replace")[:-1]) is None
