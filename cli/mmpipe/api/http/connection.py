"""A kept connection: writes one request after the other, and hands out each response in parts, as it arrives.

A response belongs to a request by its place in the connection alone (RFC 9112, section 9.3). So a connection is used again
only after a response that ended as it said, and only if not one byte came since. A server may close an idle connection
at any time: `StaleConnection` means that it did so before it answered.
"""

import asyncio
import re
import select
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mmpipe.api.http.early_answers import check_order, has_unsent
from mmpipe.api.http.exchange import Stage
from mmpipe.api.http.http_parser import RawHead, ResponseParser
from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.errors import BadResponse, MmpipeError, NetworkError

if TYPE_CHECKING:
    import ssl

_AHEAD: Final = 2**17  # bytes that may wait for their reader
# What servers say to an idle connection before they close it.
_REFUSAL: Final = re.compile(rb"HTTP/1\.[01] 4|\Z")


class StaleConnection(Exception):
    """A connection that was used before was closed, or brought an older response, instead of the answer."""


class Connection(asyncio.Protocol):
    """One connection; its methods raise MmpipeErrors that name `route`."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: ResponseParser | None = None  # of the response in progress, or of the last one
        self._received: deque[RawHead | bytes] = deque()
        self._waiting = 0  # bytes of `_received`
        self._is_full = False  # bytes of the request wait for the server to read
        self._arrival: asyncio.Future[None] | None = None
        self.failure: MmpipeError | None = None  # ended the response, after all parts that are received
        self._lost = False
        self._reset: Exception | None = None  # ended the connection, unless it was closed in order
        self._stale = False  # no byte of the next response has come, and another response came before
        self._last = ("", 0)  # the id of the last answer, and the hash of its request
        self._has_begun = False  # a byte of the response has come
        self._is_early = False  # the response began before the server had the whole request
        self.brought_unasked = False  # a response that no request asked for

    @property
    def is_reusable(self) -> bool:
        """True if the last response was read to its end, and the connection may carry another request."""
        parser = self._parser
        return parser is not None and parser.is_reusable and not self._lost and not self._received

    async def ask(self, request: bytes, enter: Callable[[Stage], None]) -> RawHead:
        """Send a request, and return the head of its response; closes the connection if there is none.

        `enter` gets the stages that the request reaches. Raises StaleConnection if the request is to be sent on another connection.
        """
        if self._parser is not None and not self._is_silent():
            # Directly before the write: all that can be read now is older than the request. The event loop looks at it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.close()
            raise StaleConnection
        try:
            enter(Stage.SENDING)
            self._send(request)
            while self._is_full and not self._received and not self._is_over:
                await self._wait()
            enter(Stage.WAITING)
            head = await self.receive()
        except BaseException:
            self.close()
            raise
        if isinstance(head, RawHead):
            if self._is_early:
                self._check_early(head)
            return head
        self.close()
        if self._stale:
            raise StaleConnection
        raise self.failure or self._end_of_connection()

    async def receive(self) -> RawHead | bytes | None:
        """The next part of the response, or the next bytes of a proxy; None at the end, and `failure` if it came too soon."""
        while not self._received:
            if self._is_over:
                return None
            await self._wait()
        part = self._received.popleft()
        if isinstance(part, bytes):
            was_full = self._waiting > _AHEAD
            self._waiting -= len(part)
            if was_full and self._waiting <= _AHEAD and self._transport is not None:
                self._transport.resume_reading()
        return part

    def take_whole(self) -> bytes | None:
        """The body, if it is there as a whole and in one piece; None otherwise, and `receive` has its parts."""
        parser = self._parser
        is_whole = parser is not None and parser.is_done and self.failure is None
        if not is_whole or len(self._received) != 1 or self._waiting > _AHEAD:
            return None
        body = self._received.popleft()
        assert isinstance(body, bytes)  # noqa: S101  after its head
        self._waiting = 0
        return body

    def repeats(self, answer: str, request: int) -> bool:
        """True if the answer before had the same id, and was for another request: it may be the same answer.

        `answer` is the id of the last answer, empty if it has none; `request` the hash of its request.
        """
        before, self._last = self._last, (answer, request)
        return answer != "" and before[0] == answer and before[1] != request

    def write(self, sent: bytes) -> None:
        """Send bytes to a proxy, before the first request."""
        if self._transport is not None:
            self._transport.write(sent)

    async def start_tls(self, context: "ssl.SSLContext", host: str) -> None:
        """Encrypt what follows; `context` checks that the certificate is that of `host`."""
        transport = self._transport
        if transport is None or self._lost:
            raise self._end_of_connection()
        # What came unencrypted is nobody's answer.
        self._received.clear()
        self._waiting = 0
        secured = await self._loop.start_tls(transport, self, context, server_hostname=host.rstrip("."))
        if secured is None:
            # The connection was closed meanwhile.
            raise self._end_of_connection()
        self._transport = secured

    def close(self) -> None:
        """Close at once: nobody waits until both sides of a TLS connection have said that they close it."""
        if self._transport is not None:
            self._transport.abort()
        self._lost = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  of a stream
        self._transport = transport

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            # From a proxy, or from a server that does not wait for the request.
            self._take(data)
        elif parser.is_done or self.failure is not None or (self._stale and self._has_unsent()):
            # Nobody asked for these; the next request must not take them for its answer.
            self.brought_unasked = self.brought_unasked or _REFUSAL.match(data) is None
            self.close()
            self._end()
        else:
            if not self._has_begun:
                self._has_begun, self._is_early = True, self._is_early or self._has_unsent()
            self._stale = False
            try:
                for part in parser.feed(data):
                    self._take(part)
            except MmpipeError as error:
                self.failure = error
        if self._waiting > _AHEAD and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost, self._reset = True, exc
        self._end()
        self._wake()

    def _send(self, request: bytes) -> None:
        early = self._received
        self._stale, self.failure, self._received = self._parser is not None, None, deque()
        self._has_begun, self._is_early = False, bool(early)
        self._parser = ResponseParser(self._route)
        if self._transport is None or self._lost:
            self._end()
            return
        self._transport.write(request)
        self._waiting = 0
        for part in early:
            assert isinstance(part, bytes)  # noqa: S101  there was no parser
            self.data_received(part)

    def _check_early(self, head: RawHead) -> None:
        try:
            check_order(self._route, head)
        except BadResponse:
            self.brought_unasked = True
            self.close()
            raise

    def _take(self, part: RawHead | bytes) -> None:
        self._received.append(part)
        if isinstance(part, bytes):
            self._waiting += len(part)

    def _end(self) -> None:
        """Set the failure of a response whose connection has ended, unless the response has ended too."""
        parser = self._parser
        if self.failure is not None or (parser is not None and parser.is_done):
            return
        if self._reset is not None:
            self.failure = self._end_of_connection()
        elif parser is not None:
            try:
                parser.end()
            except MmpipeError as error:
                self.failure = error

    def _end_of_connection(self) -> MmpipeError:
        if self._reset is None:
            return NetworkError(f"{self._route}: the connection was closed", retryable=True)
        unknown = NetworkError(f"{self._route}: the connection failed: {self._reset}", retryable=True)
        return explain_error(self._reset, self._route) or unknown

    @property
    def _is_over(self) -> bool:
        """True if no part follows those that are received."""
        return self._lost or self.failure is not None or (self._parser is not None and self._parser.is_done)

    async def _wait(self) -> None:
        """Wait for a part, the end, or the server that reads the request."""
        self._arrival = self._loop.create_future()
        await self._arrival

    def _wake(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None and not arrival.done():
            arrival.set_result(None)

    def _is_silent(self) -> bool:
        """True if nothing can be read, not even the end of the connection; the event loop may not have looked yet."""
        descriptor = self._descriptor()
        if descriptor < 0:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return not poll.poll(0)

    def _has_unsent(self) -> bool:
        """True if the server's kernel has not acknowledged the whole request: what comes now is no answer to it."""
        if self._transport is None or self._transport.get_write_buffer_size():
            return True
        return has_unsent(self._descriptor())

    def _descriptor(self) -> int:
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if found is None else int(found.fileno())
