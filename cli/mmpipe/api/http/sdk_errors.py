"""Explains failed connections by their innermost exception, with the names of host and proxy; pure.

Exceptions of httpcore2 and httpx2 are known by name, since only `client` imports these libraries.
`tests/api/test_client.py` raises most of them on real sockets, and notices a changed name.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from mmpipe.api.http.certificates import explain_certificate
from mmpipe.api.http.routes import Route
from mmpipe.errors import BrokenPool, MmpipeError, NetworkError, TimedOut, UsageError
from mmpipe.text.visible import one_line

# The reasons of OpenSSL for an answer that is not TLS.
_NOT_TLS: Final = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and its causes, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explain_error(error: BaseException, route: Route) -> MmpipeError | None:
    """Our error for a failed connection, by the innermost cause that is known; None for any other exception."""
    chain = list(causes(error))
    for cause in chain:
        if isinstance(cause, MmpipeError):
            return cause
    for cause in reversed(chain):
        found = _by_type(cause, route) or _by_name(cause, route)
        if found is not None:
            return found
    return None


def _by_type(error: BaseException, route: Route) -> MmpipeError | None:
    # The proxy looks up the host and connects to it, so these failures are of the way to the proxy.
    first = "the host" if route.proxy is None else "the proxy"
    match error:
        case ssl.SSLCertVerificationError():
            return explain_certificate(error, route)
        case ssl.SSLError():
            hint = "the server may speak http:// there" if getattr(error, "reason", None) in _NOT_TLS else ""
            return NetworkError(f"{route}: TLS: {_words(error)}", hint=hint)
        case socket.gaierror():
            passing = error.errno == socket.EAI_AGAIN
            return NetworkError(f"{route}: DNS: {first} is not known: {error.strerror}", retryable=passing)
        case ConnectionRefusedError():
            server = "server" if route.proxy is None else "proxy"
            return NetworkError(
                f"{route}: the connection was refused: no {server} listens there", retryable=True
            )
        case MemoryError():
            # The memory is that of the whole run.
            return BrokenPool("not enough memory (ulimit -v?)")
        case ConnectionResetError() | BrokenPipeError():
            return NetworkError(f"{route}: the connection was reset", retryable=True)
        case UnicodeError():
            # The name of the host is encoded before or behind the proxy.
            owner = "the host" if route.proxy is None or _is_dns_name(route.proxy.host) else "the proxy"
            return UsageError(f"the name of {owner} is not valid for DNS: {_words(error)}")
        case _:
            return None


def _by_name(error: BaseException, route: Route) -> MmpipeError | None:
    name, words = type(error).__name__, _words(error)
    match name:
        case "ConnectTimeout":
            return TimedOut(f"{route}: no connection in time (--connect-timeout)", retryable=True)
        case "ReadTimeout" | "WriteTimeout":
            return TimedOut(f"{route}: the connection stalled (--idle-timeout)", retryable=True)
        case "InvalidURL" | "UnsupportedProtocol" | "LocalProtocolError":
            return UsageError(f"the request cannot be sent: {words}")
        case "ConnectError" | "ReadError" | "WriteError":
            return NetworkError(f"{route}: the connection failed: {words}", retryable=True)
        case _:
            return None


def _is_dns_name(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _words(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__, 200)
