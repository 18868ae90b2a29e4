"""Kept connections to one host, for many requests at once: opens them over the route, and uses them again.

httpx2's pool searches all its connections for each request; aiohttp's has a parser of its own, which judges responses by
other rules than `http_parser`.
"""

import asyncio
import resource
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mmpipe.api.http.connection import Connection, StaleConnection
from mmpipe.api.http.exchange import Stage
from mmpipe.api.http.http_parser import RawHead
from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.tunnels import check_proxy, open_tunnel
from mmpipe.errors import NetworkError, TimedOut

if TYPE_CHECKING:
    import ssl

# What a server sends unasked, it mostly sends soon after an answer, or when the time of an idle connection is over. What
# comes at any other time, while a request is under way, can be told from its answer by no more than FACTS.md says ("HTTP
# framing"). Many servers wait 5 s for the next request.
REST: Final = 0.2  # seconds after which an idle connection is used again
_KEPT: Final = 4.0  # seconds after which it is not used again
MAX_RESTING: Final = 100  # idle connections; with more of them, a connection rests for a shorter time
_OTHERS: Final = 64  # descriptors of the process beside connections
_LOOKED_UP: Final = 10.0  # seconds for which the addresses of a name are used
_NEXT_ADDRESS: Final = 0.25  # seconds until the next address is tried beside the first (RFC 8305)

_Addresses = list[tuple[Any, ...]]  # of getaddrinfo


class ConnectionPool:
    """Connections for at most `size` requests at once over one route; the caller limits the time of each stage.

    `context` checks certificates, and is None if nothing is encrypted. After a response a connection
    rests for `rest` seconds: more may be open than are used.
    """

    def __init__(self, route: Route, context: "ssl.SSLContext | None", size: int, rest: float = REST) -> None:
        self._route, self._context, self._rest = route, context, rest
        self._places = asyncio.Semaphore(size)
        self._idle: deque[tuple[Connection, float]] = (
            deque()
        )  # with the time of their last use, the oldest first
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = MAX_RESTING if descriptors == resource.RLIM_INFINITY else descriptors - size - _OTHERS
        self._max_resting = max(0, min(MAX_RESTING, free))
        self._keeps = True
        self._addresses: asyncio.Future[_Addresses] | None = None
        self._looked_up = 0.0

    @asynccontextmanager
    async def exchange(
        self, request: bytes, enter: Callable[[Stage], None]
    ) -> AsyncIterator[tuple[RawHead, Connection]]:
        """Send a request; yields the head of its response, and the connection that has the body.

        `enter` gets the stages that the request reaches: names, all addresses, TLS and the tunnel are one stage. The connection is kept only if the body was read to its end. Raises an MmpipeError, or OSError.
        """
        async with self._places:
            head, connection = await self._begin(request, enter)
            try:
                check_proxy(self._route, head.status, head.headers)
                yield head, connection
            finally:
                self._look_at(connection)
                if self._keeps and connection.is_reusable:
                    self._idle.append((connection, self._now()))
                else:
                    connection.close()

    async def keep_none(self) -> None:
        """Use no connection again: the server sends responses that nobody asked for."""
        self._keeps = False
        await self.close()

    async def close(self) -> None:
        """Close the idle connections."""
        for connection, _ in self._idle:
            connection.close()
        self._idle.clear()
        # The event loop closes their sockets in its next round.
        await asyncio.sleep(0)

    async def _begin(self, request: bytes, enter: Callable[[Stage], None]) -> tuple[RawHead, Connection]:
        """Send a request; once more, on a new connection, if a server closed a kept one before any byte of its answer.

        A server closes idle connections whenever it likes (RFC 9112, section 9.5), so that is no failure of the request.
        """
        connection = self._take_idle()
        if connection is not None:
            try:
                return await connection.ask(request, enter), connection
            except StaleConnection:
                self._look_at(connection)
        enter(Stage.CONNECTING)
        connection = await self._open()
        try:
            return await connection.ask(request, enter), connection
        finally:
            self._look_at(connection)

    def _take_idle(self) -> Connection | None:
        """The connection that was used longest ago, and may be used again; None if a new one is to be opened."""
        now = self._now()
        while self._idle:
            connection, used = self._idle[0]
            self._look_at(connection)
            if self._keeps and now - used < self._rest and len(self._idle) < self._max_resting:
                return None
            self._idle.popleft()
            if self._keeps and now - used < _KEPT and connection.is_reusable:
                return connection
            connection.close()
        return None

    def _look_at(self, connection: Connection) -> None:
        """Keep no connection any more if this one brought a response that nobody asked for: the next may come unseen."""
        if connection.brought_unasked:
            self._keeps = False

    async def _open(self) -> Connection:
        try:
            return await self._connect()
        except TimeoutError as error:
            # The kernel's own limit.
            words = "no connection in time (--connect-timeout)"
            raise TimedOut(f"{self._route}: {words}", retryable=True) from error
        except OSError as error:
            unknown = NetworkError(f"{self._route}: the connection failed: {error}", retryable=True)
            raise explain_error(error, self._route) or unknown from error

    async def _connect(self) -> Connection:
        import aiohappyeyeballs

        route, loop = self._route, asyncio.get_running_loop()
        host, _ = route.first_hop
        is_secured = route.is_tls if route.proxy is None else route.proxy.scheme == "https"
        connected = await aiohappyeyeballs.start_connection(
            await self._find_addresses(), happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1
        )
        _, connection = await loop.create_connection(
            lambda: Connection(route),
            sock=connected,
            ssl=self._context if is_secured else None,
            server_hostname=host.rstrip(".") if is_secured else None,
        )
        if route.is_tunnelled:
            try:
                await self._open_tunnel(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    async def _open_tunnel(self, connection: Connection) -> None:
        steps = open_tunnel(self._route)
        request = next(steps)
        while True:
            connection.write(request)
            try:
                received = await connection.receive()
                if connection.failure is not None:
                    raise connection.failure
                request = steps.send(received if isinstance(received, bytes) else b"")
            except StopIteration:
                break
        if self._route.is_tls:
            assert self._context is not None  # noqa: S101  by tls_context
            await connection.start_tls(self._context, self._route.host)

    async def _find_addresses(self) -> _Addresses:
        """The addresses of the first hop; many connections at once share one look-up."""
        host, port = self._route.first_hop
        if (
            self._addresses is None
            or self._now() - self._looked_up > _LOOKED_UP
            or _has_failed(self._addresses)
        ):
            looking = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self._addresses, self._looked_up = asyncio.ensure_future(looking), self._now()
        return await asyncio.shield(self._addresses)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _has_failed(looking: "asyncio.Future[_Addresses]") -> bool:
    return looking.done() and (looking.cancelled() or looking.exception() is not None)
