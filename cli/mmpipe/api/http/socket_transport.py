"""The transport of a single request: one connection of httpcore2's network backend, and our own parser.

httpx2's transport judges a response by rules that the other stack does not accept (see `http_parser`). Its errors name
neither host nor proxy.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from mmpipe.api.http.early_answers import check_order, has_unsent
from mmpipe.api.http.exchange import Stage
from mmpipe.api.http.http_parser import RawHead, ResponseParser
from mmpipe.api.http.request_head import encode_head, with_body
from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.tunnels import check_proxy, open_tunnel
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError, NetworkError

if TYPE_CHECKING:
    import httpcore2
    import httpx2

RAW_HEAD: Final = "mmpipe.head"  # the extension of a response that holds its RawHead
RAW_BODY: Final = "mmpipe.body"  # the one that holds its SocketBody
_AT_ONCE: Final = 64 * 1024  # bytes that are read


@dataclass(frozen=True, slots=True)
class Connecting:
    """Route and limits of a connection; `find_context` returns what checks certificates, None if nothing is encrypted."""

    route: Route
    find_context: Callable[[], ssl.SSLContext | None]
    connect: float  # seconds
    idle: float  # seconds


class SocketBody:
    """The body of a response, read from its connection."""

    def __init__(
        self,
        connection: "httpcore2.NetworkStream",
        route: Route,
        parser: ResponseParser,
        parts: Iterator[RawHead | bytes],
    ) -> None:
        self._connection, self._route, self._parser = connection, route, parser
        # Of TLS inside TLS the stream alone can read. Its read sets the timeout each time, which is a system call.
        self._socket: socket.socket | None = (
            None if route.is_tls_in_tls else connection.get_extra_info("socket")
        )
        self._receive = self._receive_inner if self._socket is None else self._socket.recv
        self._timeout: float | None = None  # seconds, of the socket
        # For the next reads: what came with the head, and an error in the body.
        self._held: list[bytes | MmpipeError] = []
        if first := self._join(parts):
            self._held.insert(0, first)

    def read(self, seconds: float) -> bytes | None:
        """Return what comes next; b"" if it takes longer than so many seconds, None at the end.

        Raises an MmpipeError; of TLS inside TLS, the errors of httpcore2.
        """
        end: float | None = None
        while not self._held:
            if self._parser.is_done:
                return None
            try:
                if seconds != self._timeout:
                    self._set_timeout(seconds)
                received = self._receive(_AT_ONCE)
            except TimeoutError:
                return b""
            except OSError as error:
                unknown = NetworkError(f"{self._route}: the connection failed: {error}", retryable=True)
                raise explain_error(error, self._route) or unknown from error
            if not received:
                self._parser.end()
            elif content := self._parser.strip(received) or self._join(self._parser.feed(received)):
                return content
            # Some bytes are no part of the body.
            end = end or time.monotonic() + seconds
            seconds = end - time.monotonic()
            if seconds <= 0:
                return b""
        held = self._held.pop(0)
        if isinstance(held, MmpipeError):
            raise held
        return held

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _set_timeout(self, seconds: float) -> None:
        # Not the timeout of the kernel: it starts again each time that this process is stopped and continued.
        self._timeout = seconds
        if self._socket is not None:
            self._socket.settimeout(seconds)

    def _receive_inner(self, size: int) -> bytes:
        """As `recv` of a socket, for TLS inside TLS."""
        try:
            return self._connection.read(size, self._timeout)
        except Exception as error:
            if isinstance(error.__cause__, TimeoutError):
                raise TimeoutError from error
            raise

    def _join(self, parts: Iterator[RawHead | bytes]) -> bytes:
        """The parts of a body in one piece; the error after them is held."""
        joined: list[bytes] = []
        try:
            joined.extend(part for part in parts if isinstance(part, bytes))
        except MmpipeError as error:
            self._held.append(error)
        return b"".join(joined)


def socket_transport(
    connecting: Connecting, connect: Callable[[], "httpcore2.NetworkStream"], put: Callable[[Stage], None]
) -> "httpx2.BaseTransport":
    """A transport for one request, over the connection that `connect` returns; `put` gets the stages that the request reaches."""
    import httpx2

    class ClosedWithResponse(httpx2.SyncByteStream):
        def __init__(self, body: SocketBody) -> None:
            self._body = body

        def close(self) -> None:
            self._body.close()

    class SocketTransport(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            connection = connect()
            try:
                put(Stage.SENDING)
                early = _read_early(connection)
                _send(connection, request, connecting)
                put(Stage.WAITING)
                head, body = _receive(connection, connecting, early)
                check_proxy(connecting.route, head.status, head.headers)
            except BaseException:
                connection.close()
                raise
            # Without its headers: some versions read the Location of a redirect, and fail.
            return httpx2.Response(
                head.status, stream=ClosedWithResponse(body), extensions={RAW_HEAD: head, RAW_BODY: body}
            )

    return SocketTransport()


def open_connection(connecting: Connecting, put: Callable[[Stage], None]) -> "httpcore2.NetworkStream":
    """Connect, through a proxy if there is one, and encrypt; `put` gets the stages that are reached.

    Raises the errors of httpcore2, and UsageError for certificates that cannot be used, before anything is connected.
    """
    import httpcore2

    context = connecting.find_context()
    put(Stage.CONNECTING)
    route, limit = connecting.route, connecting.connect
    host, port = route.first_hop
    connection = httpcore2.SyncBackend().connect_tcp(host, port, limit, socket_options=())
    try:
        if route.proxy is not None and route.proxy.scheme == "https":
            connection = _start_tls(connection, context, host, limit)
        if route.is_tunnelled:
            _open_tunnel(connection, route, limit)
        if route.is_tls:
            put(Stage.SECURING)
            connection = _start_tls(connection, context, route.host, limit)
    except BaseException:
        connection.close()
        raise
    return connection


def _start_tls(
    connection: "httpcore2.NetworkStream", context: ssl.SSLContext | None, host: str, limit: float
) -> "httpcore2.NetworkStream":
    assert context is not None  # noqa: S101  by tls_context
    return connection.start_tls(context, host.rstrip("."), limit)


def _open_tunnel(connection: "httpcore2.NetworkStream", route: Route, limit: float) -> None:
    steps = open_tunnel(route)
    request = next(steps)
    while True:
        connection.write(request, limit)
        try:
            request = steps.send(connection.read(_AT_ONCE, limit))
        except StopIteration:
            return


def _send(connection: "httpcore2.NetworkStream", request: "httpx2.Request", connecting: Connecting) -> None:
    import httpcore2

    head = encode_head(request, connecting.route)
    try:
        connection.write(with_body(head, request.read()), connecting.idle)
    except httpcore2.WriteError:
        # A server may refuse a long request before its end; its answer is worth more than this error.
        return


def _read_early(connection: "httpcore2.NetworkStream") -> bytes:
    """The bytes that are there before the request is sent; it does not wait for any."""
    import httpcore2

    try:
        return connection.read(_AT_ONCE, 0)
    except (httpcore2.ReadError, httpcore2.ReadTimeout):
        # There is none, or an error that sending and reading will meet again.
        return b""


def _receive(
    connection: "httpcore2.NetworkStream", connecting: Connecting, early: bytes
) -> tuple[RawHead, SocketBody]:
    """The head of the response, and its body, of which nothing more is read."""
    parser = ResponseParser(connecting.route)
    received = early or connection.read(_AT_ONCE, connecting.idle)
    is_early = bool(early) or has_unsent(connection.get_extra_info("socket").fileno())
    while True:
        parts = parser.feed(received) if received else iter(())
        head = next(parts, None)
        if isinstance(head, RawHead):
            if is_early:
                check_order(connecting.route, head)
            return head, SocketBody(connection, connecting.route, parser, parts)
        if not received:
            parser.end()
        received = connection.read(_AT_ONCE, connecting.idle)
