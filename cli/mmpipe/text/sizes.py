"""Sizes in bytes: the largest request, and sizes in words; pure."""

from typing import Final

MEBIBYTE: Final = 2**20
MAX_REQUEST: Final = 64 * MEBIBYTE  # the service takes no larger one (FACTS.md, "Limits and prices")


class TooLong(OSError):
    """A file or standard input has more bytes than its reader takes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.strerror = f"it is longer than {limit} bytes"


def check_length(content: bytes, limit: int) -> bytes:
    """Return the content, of which one byte more than the limit was wanted; raises TooLong if it came."""
    if len(content) > limit:
        raise TooLong(limit)
    return content


def describe_too_large(name: str) -> str:
    """Return the message for what no request can hold."""
    return f"{name} is larger than a request may be ({format_size(MAX_REQUEST)})"


def format_size(size: int) -> str:
    """Return the size in mebibytes: rounded up, so that no size over a limit looks like the limit."""
    tenths = -(-10 * size // MEBIBYTE)
    return f"{tenths / 10:g} MiB"
