"""The transport of a single request: one connection of httpcore2's network backend, and our own parser.

httpx2's transport judges a response by rules that the other stack does not accept (see `http_parser`). Its errors name
neither host nor proxy.
"""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mmpipe.api.http.early_answers import check_order, has_unsent
from mmpipe.api.http.exchange import Stage
from mmpipe.api.http.http_parser import RawHead, ResponseParser
from mmpipe.api.http.request_head import encode_head, with_body
from mmpipe.api.http.routes import Route
from mmpipe.api.http.tunnels import check_proxy, open_tunnel

if TYPE_CHECKING:
    import httpcore2
    import httpx2

RAW_HEAD: Final = "mmpipe.head"  # the extension of a response that holds its RawHead
_AT_ONCE: Final = 64 * 1024  # bytes that are read


@dataclass(frozen=True, slots=True)
class Connecting:
    """Route and limits of a connection; `context` checks certificates, and is None if nothing is encrypted."""

    route: Route
    context: ssl.SSLContext | None
    connect: float  # seconds
    idle: float  # seconds


def socket_transport(connecting: Connecting, put: Callable[[Stage], None]) -> "httpx2.BaseTransport":
    """A transport for one request at a time; `put` gets the stages that a request reaches."""
    import httpcore2
    import httpx2

    class SocketBody(httpx2.SyncByteStream):
        def __init__(self, connection: httpcore2.NetworkStream, parts: Iterator[RawHead | bytes]) -> None:
            self._connection, self._parts = connection, parts

        def __iter__(self) -> Iterator[bytes]:
            return (part for part in self._parts if isinstance(part, bytes))

        def close(self) -> None:
            self._connection.close()

    class SocketTransport(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            put(Stage.CONNECTING)
            connection = _connect(connecting, put)
            try:
                put(Stage.SENDING)
                early = _read_early(connection)
                _send(connection, request, connecting)
                put(Stage.WAITING)
                parts = _receive(connection, connecting, early)
                head = next(parts)
                assert isinstance(head, RawHead)  # noqa: S101  the parser's first part
                check_proxy(connecting.route, head.status, head.headers)
            except BaseException:
                connection.close()
                raise
            # Without its headers: some versions read the Location of a redirect, and fail.
            body = SocketBody(connection, parts)
            return httpx2.Response(head.status, stream=body, extensions={RAW_HEAD: head})

    return SocketTransport()


def _connect(connecting: Connecting, put: Callable[[Stage], None]) -> "httpcore2.NetworkStream":
    import httpcore2

    route, limit = connecting.route, connecting.connect
    host, port = route.first_hop
    connection = httpcore2.SyncBackend().connect_tcp(host, port, limit, socket_options=())
    try:
        if route.proxy is not None and route.proxy.scheme == "https":
            connection = _start_tls(connection, connecting, host)
        if route.is_tunnelled:
            _open_tunnel(connection, route, limit)
        if route.is_tls:
            put(Stage.SECURING)
            connection = _start_tls(connection, connecting, route.host)
    except BaseException:
        connection.close()
        raise
    return connection


def _start_tls(
    connection: "httpcore2.NetworkStream", connecting: Connecting, host: str
) -> "httpcore2.NetworkStream":
    assert connecting.context is not None  # noqa: S101  by tls_context
    return connection.start_tls(connecting.context, host.rstrip("."), connecting.connect)


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
) -> Iterator[RawHead | bytes]:
    parser = ResponseParser(connecting.route)
    received = early or connection.read(_AT_ONCE, connecting.idle)
    is_early = bool(early) or has_unsent(connection.get_extra_info("socket").fileno())
    while True:
        if received:
            for part in parser.feed(received):
                if is_early and isinstance(part, RawHead):
                    check_order(connecting.route, part)
                yield part
        else:
            parser.end()
        if parser.is_done:
            return
        received = connection.read(_AT_ONCE, connecting.idle)
