"""Handles byte order marks and errors of UTF-8; pure."""

from typing import Final

BOM: Final = b"\xef\xbb\xbf"


def measure_bom(content: bytes | bytearray) -> int:
    """Return the length of the byte order mark at the beginning of `content`: 3 bytes or 0."""
    return len(BOM) if content.startswith(BOM) else 0


def strip_bom(content: bytes) -> bytes:
    """Return `content` without a byte order mark at its beginning."""
    return content.removeprefix(BOM)


def describe_utf8_error(name: str, error: UnicodeDecodeError, before: int = 0) -> str:
    """Return the message for `error`; `before` is the number of bytes of `name` before the decoded ones."""
    return f"{name} is not UTF-8: byte {before + error.start} is 0x{error.object[error.start]:02x}"
