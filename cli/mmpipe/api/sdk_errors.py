"""Explains failed connections by their innermost exception; pure.

Exceptions of httpx2, httpcore2 and aiohttp are known by name, since only `client` and `pool` import these libraries.
`tests/api/test_client.py` raises most of them on real sockets, and notices a changed name.
"""

import socket
import ssl
from collections.abc import Iterator

from mmpipe.errors import BadResponse, MmpipeError, NetworkError, TimedOut, UsageError
from mmpipe.text.visible import one_line


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and its causes, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explain_error(error: BaseException) -> MmpipeError | None:
    """Our error for a failed connection, by the innermost cause that is known; None for any other exception."""
    chain = list(causes(error))
    for cause in chain:
        if isinstance(cause, MmpipeError):
            return cause
    for cause in reversed(chain):
        found = _by_type(cause) or _by_name(cause)
        if found is not None:
            return found
    return None


def _by_type(error: BaseException) -> MmpipeError | None:
    match error:
        case ssl.SSLCertVerificationError():
            return NetworkError(
                f"TLS: the certificate of the host is not trusted: {_words(error)}; see --ca-file"
            )
        case ssl.SSLError():
            return NetworkError(f"TLS: {_words(error)}")
        case socket.gaierror():
            passing = error.errno == socket.EAI_AGAIN
            return NetworkError(f"DNS: the host is not known: {error.strerror}", retryable=passing)
        case ConnectionRefusedError():
            return NetworkError("the connection was refused: no server listens there", retryable=True)
        case ConnectionResetError() | BrokenPipeError():
            return _reset()
        case UnicodeError():
            return UsageError(f"the name of the host is not valid for DNS: {_words(error)}")
        case _:
            return None


def _by_name(error: BaseException) -> MmpipeError | None:
    name, words = type(error).__name__, _words(error)
    if name == "RemoteProtocolError":
        return _by_protocol(words)
    match name:
        case "ConnectTimeout" | "PoolTimeout" | "ConnectionTimeoutError":
            return TimedOut("no connection in time (--connect-timeout)", retryable=True)
        case "ReadTimeout" | "WriteTimeout" | "SocketTimeoutError":
            return TimedOut("the connection stalled (--idle-timeout)", retryable=True)
        case "ProxyError" | "ClientHttpProxyError" | "ClientProxyConnectionError":
            return NetworkError(f"the proxy refused: {words}")
        case "ServerDisconnectedError":
            return _unanswered()
        case "ClientPayloadError":
            # aiohttp reports a reset in its message only.
            return _reset() if "ConnectionResetError" in words else _truncated()
        case "DecodingError" | "ClientResponseError" | "BadHttpMessage" | "BadStatusLine":
            return BadResponse(f"the response of the service is not HTTP: {words}")
        case "InvalidURL" | "UnsupportedProtocol" | "LocalProtocolError":
            return UsageError(f"the request cannot be sent: {words}")
        case "ConnectError" | "ReadError" | "WriteError" | "CloseError" | "NetworkError" | "ClientOSError":
            return NetworkError(f"the connection failed: {words}", retryable=True)
        case _:
            return None


def _by_protocol(words: str) -> MmpipeError:
    if "without sending" in words and "complete" not in words:
        return _unanswered()
    if "incomplete" in words or "complete message" in words or "unexpectedly closed" in words:
        return _truncated()
    return BadResponse(f"the response of the service is not HTTP: {words}")


def _reset() -> NetworkError:
    return NetworkError("the connection was reset", retryable=True)


def _unanswered() -> NetworkError:
    return NetworkError("the service closed the connection without an answer", retryable=True)


def _truncated() -> BadResponse:
    return BadResponse("the answer is truncated: the connection ended inside the body", retryable=True)


def _words(error: BaseException) -> str:
    return one_line(str(error) or type(error).__name__, 200)
