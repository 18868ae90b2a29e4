"""Tells an answer from a response that was under way before the request: nothing in HTTP/1.1 names the request (RFC 9112, 9.3)."""

import fcntl
import struct
import termios
from typing import Final

from mmpipe.api.http.http_parser import RawHead
from mmpipe.api.http.routes import Route
from mmpipe.errors import BadResponse

_INT: Final = struct.Struct("i")
_REFUSED: Final = 400  # the first status of a refusal


def has_unsent(descriptor: int) -> bool:
    """True if the peer's kernel has not acknowledged all that was written: its bytes are no answer to all of it.

    On sockets of Linux the number of such bytes (SIOCOUTQ, tcp(7)); False where the system does not know.
    """
    try:
        (unsent,) = _INT.unpack(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(_INT.size)))
    except (OSError, ValueError):
        return False
    return bool(unsent)


def check_order(route: Route, head: RawHead) -> None:
    """Raise BadResponse for a response that began before the server had the whole request, unless it is a refusal."""
    if head.status < _REFUSED:
        raise BadResponse(
            f"{route}: the server answered before it had the whole request: its answer belongs to another one",
            retryable=True,
        )
