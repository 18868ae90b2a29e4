"""UTF-8 of files and streams: the byte order mark at the beginning, and the sentence for what is not UTF-8; pure."""

from typing import Final

BOM: Final = b"\xef\xbb\xbf"


def bom_length(content: bytes | bytearray) -> int:
    """The bytes of the byte order mark that `content` begins with: 3 or 0."""
    return len(BOM) if content.startswith(BOM) else 0


def without_bom(content: bytes) -> bytes:
    """The content without its byte order mark, if it begins with one."""
    return content.removeprefix(BOM)


def not_utf8(name: str, error: UnicodeDecodeError, before: int = 0) -> str:
    """The sentence for `error`; `before` counts the bytes of `name` that precede what was decoded."""
    return f"{name} is not UTF-8: byte {before + error.start} is 0x{error.object[error.start]:02x}"
