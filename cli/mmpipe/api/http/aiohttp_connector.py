"""aiohttp's connections for many requests, with our own parser and our own tunnels through proxies.

aiohttp keeps the pool, names, addresses and TLS. Its parser judges responses by rules that the other stack does not accept
(see `http_parser`). It drops an answer with what follows it in one segment, and never reports some broken chunks. The parser
of a connection is an attribute of its protocol, set for each request, and `_create_connection` is the method that
aiohttp's own connectors override. If aiohttp changes these, `tests/api/test_pool_on_sockets.py` notices.
"""

import asyncio
import ssl
from functools import partial
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict, CIMultiDictProxy

from mmpipe.api.http.http_parser import Fields, RawHead, ResponseParser
from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.tunnels import open_tunnel
from mmpipe.errors import MmpipeError, NetworkError, TimedOut

_KEPT: Final = 300.0  # seconds until an idle connection is closed
_AHEAD: Final = 2**16  # bytes of a body that may wait for their reader
_AT_ONCE: Final = 4096  # bytes of a proxy's answer
_NO_HEADERS: Final = CIMultiDictProxy(CIMultiDict[str]())


class Connector(aiohttp.TCPConnector):
    """At most `size` connections over one route; `context` is None if nothing is encrypted."""

    def __init__(self, route: Route, context: ssl.SSLContext | None, size: int) -> None:
        super().__init__(limit=size, keepalive_timeout=_KEPT, ssl=True if context is None else context)
        self._route, self._context = route, context
        self._factory = partial(_Handler, self._loop, route)  # type: ignore[assignment]

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's own name
    ) -> ResponseHandler:
        try:
            # Names, all addresses, TLS and the tunnel together, as for a single request.
            async with asyncio.timeout(timeout.sock_connect):
                if self._route.is_tunnelled:
                    return await self._connect_tunnel()
                return await super()._create_connection(req, traces, timeout)
        except TimeoutError:
            limit = f"{timeout.sock_connect:g} s (--connect-timeout)"
            raise TimedOut(f"{self._route}: no connection within {limit}", retryable=True) from None
        except OSError as error:
            unknown = NetworkError(f"{self._route}: the connection failed: {error}", retryable=True)
            raise explain_error(error, self._route) or unknown from error

    async def _connect_tunnel(self) -> ResponseHandler:
        route, loop = self._route, self._loop
        reader = asyncio.StreamReader(loop=loop)
        host, port = route.first_hop
        is_secured = route.proxy is not None and route.proxy.scheme == "https"
        transport, _ = await loop.create_connection(
            lambda: asyncio.StreamReaderProtocol(reader, loop=loop),
            host,
            port,
            ssl=self._context if is_secured else None,
        )
        handler = self._factory()
        try:
            steps = open_tunnel(route)
            request = next(steps)
            while True:
                transport.write(request)
                try:
                    request = steps.send(await reader.read(_AT_ONCE))
                except StopIteration:
                    break
            if route.is_tls:
                assert self._context is not None  # noqa: S101  by tls_context
                secured = await loop.start_tls(
                    transport, handler, self._context, server_hostname=route.host.rstrip(".")
                )
                # None if the transport was closed meanwhile; the handler reports that.
                transport = secured or transport
            else:
                transport.set_protocol(handler)
            handler.connection_made(transport)
        except BaseException:
            transport.abort()
            raise
        return handler


class _Handler(ResponseHandler):
    """The protocol of a connection: hands on the bytes of each response to a parser of ours."""

    def __init__(self, loop: asyncio.AbstractEventLoop, route: Route) -> None:
        super().__init__(loop)
        self._route = route
        self._response: _Response | None = None

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401  aiohttp's own
        early, self._tail = self._tail, b""
        super().set_response_params(**params)
        self._response = _Response(self, self._loop, self._route)
        self._parser = self._response  # type: ignore[assignment]
        if early:
            self.data_received(early)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._response is not None:
            self._response.lose(exc)
        super().connection_lost(exc)

    def close(self) -> None:
        """Close at once: nobody waits until both sides of a TLS connection have said that they close it."""
        if self.transport is not None:
            self.transport.abort()
        super().close()


class _Payload(aiohttp.StreamReader):
    """A body; once it was read, `failure` is the error that ended it, if any."""

    failure: MmpipeError | None = None


class _Message(NamedTuple):
    """The fields of a head that aiohttp uses."""

    code: int
    raw_headers: Fields
    version: aiohttp.HttpVersion = aiohttp.HttpVersion11
    reason: str = ""
    headers: CIMultiDictProxy[str] = _NO_HEADERS
    should_close: bool = False
    compression: str | None = None
    upgrade: bool = False
    chunked: bool = False


class _Response:
    """One response, as the protocol of aiohttp wants it from a parser."""

    def __init__(self, handler: ResponseHandler, loop: asyncio.AbstractEventLoop, route: Route) -> None:
        self._handler, self._loop, self._route = handler, loop, route
        self._parser = ResponseParser(route)
        self._payload: _Payload | None = None

    def feed_data(self, received: bytes) -> tuple[list[tuple[_Message, _Payload]], bool, bytes]:
        """Take the next bytes of the connection; returns the message if its head is whole."""
        messages: list[tuple[_Message, _Payload]] = []
        was_answered = self._parser.is_done
        if was_answered:
            # Nobody asked for these; the next request must not take them for its answer.
            self._handler.close()
            return messages, False, b""
        try:
            for part in self._parser.feed(received):
                if isinstance(part, RawHead):
                    payload = _Payload(self._handler, _AHEAD, loop=self._loop)
                    self._payload = payload
                    messages.append((_Message(part.status, part.headers), payload))
                else:
                    assert self._payload is not None  # noqa: S101  a head comes first
                    self._payload.feed_data(part)
        except MmpipeError as error:
            if self._payload is None:
                raise
            self._close(error)
        if self._parser.is_done:
            self._close(None)
        return messages, False, b""

    def lose(self, error: BaseException | None) -> None:
        """End a body whose connection was lost; before the head, the protocol itself reports that."""
        if self._payload is None or self._parser.is_done:
            return
        failure: MmpipeError | None = None
        if error is not None:
            failure = explain_error(error, self._route) or NetworkError(
                f"{self._route}: the connection failed: {error}", retryable=True
            )
        else:
            try:
                self._parser.end()
            except MmpipeError as ended:
                failure = ended
        self._close(failure)

    def feed_eof(self) -> None:
        """`lose` has done all."""

    def pause_reading(self) -> None:
        """The transport pauses; what it has read is parsed."""

    def _close(self, failure: MmpipeError | None) -> None:
        """End the body; the connection is kept only for a response that ended as it said."""
        payload = self._payload
        if not self._parser.is_reusable:
            self._handler.force_close()
        if payload is not None and not payload.is_eof():
            payload.failure = failure
            payload.feed_eof()
