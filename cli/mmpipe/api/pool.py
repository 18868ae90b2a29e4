"""Asks the service many times at once: requests of the SDK over a pool of kept connections.

All requests have one head, which the SDK builds once; each has its own body. `client` does the same for one.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, Self

from mmpipe.api.answer.plain_answer import read_plain_answer
from mmpipe.api.answer.response import ResponseReader, read_answer
from mmpipe.api.attempt import UNOBSERVED, Observer, begin, take
from mmpipe.api.encoded_request import EncodedRequest, encode_request
from mmpipe.api.http.connection import Connection
from mmpipe.api.http.connection_pool import ConnectionPool
from mmpipe.api.http.exchange import Clock, Stage
from mmpipe.api.http.request_head import build_head, with_body
from mmpipe.api.http.routes import Route, find_route
from mmpipe.api.http.sdk import import_sdk, mask_error, read_head, tls_context
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.tunnels import check_tunnels
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event, Start
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError

_TURN: Final = 0.02  # seconds
_LONG: Final = 2**18  # bytes of an answer, perhaps compressed


class Pool:
    """At most `size` requests at once to one endpoint; entered inside the event loop that uses it."""

    def __init__(self, endpoint: Endpoint, size: int) -> None:
        self._endpoint, self._size = endpoint, size

    async def __aenter__(self) -> Self:
        import_sdk()
        endpoint, route = self._endpoint, find_route(self._endpoint.base_url, os.environ)
        check_tunnels(route.proxy)
        context = tls_context(endpoint, route)
        try:
            self._heads = {
                streamed: build_head(endpoint, route, streamed=streamed) for streamed in (False, True)
            }
        except Exception as error:
            raise explain_error(error, route) or error from error
        self._route = route
        self._connections = ConnectionPool(route, context, self._size)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.close()

    @property
    def is_ready(self) -> bool:
        """True: each request is sent at once."""
        return True

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError. Calls `began` and `received` of the observer."""
        return await self.ask_encoded(encode_request(request, self._endpoint), limits, observer)

    async def ask_encoded(
        self, request: EncodedRequest, limits: Limits, observer: Observer = UNOBSERVED
    ) -> Sequence[Event]:
        """The same for a request that is encoded already, perhaps by another process."""
        sent = with_body(self._heads[request.streamed], request.body)
        clock = Clock(limits, begins_soon=request.streamed, peer=self._route)
        try:
            events, connection = await self._exchange(request, sent, clock, observer)
            if connection is not None and connection.repeats(_answer_id(events), hash(sent)):
                # In doubt the request is sent again, where no older answer can come.
                await self._connections.keep_none()
                events, _ = await self._exchange(request, sent, clock, observer)
        except MmpipeError as error:
            raise mask_error(error, self._endpoint) from error.__cause__
        return events

    async def _exchange(
        self, request: EncodedRequest, sent: bytes, clock: Clock, observer: Observer
    ) -> tuple[Sequence[Event], Connection | None]:
        """Run one exchange under one alarm, which each part of the answer moves on; the events, and their connection."""
        events, size = list[Event](), 0
        reader: ResponseReader[Event] | None = None
        connection: Connection | None = None
        failure: MmpipeError | None = None
        try:
            async with (
                asyncio.timeout(None) as alarm,
                _Turns(alarm, clock) as turns,
                self._connections.exchange(sent, turns.enter) as (raw, connection),
            ):
                head = read_head(raw, self._endpoint, self._route, request.model)
                whole = connection.take_whole()
                if whole is not None and (plain := _read_at_once(head, whole, observer)) is not None:
                    return plain, connection
                reader = begin(partial(read_answer, pieces=request.pieces), head, clock, observer)
                while True:
                    await turns.give()
                    piece, whole = whole or await connection.receive(), None
                    if piece is None:
                        break
                    assert isinstance(piece, bytes)  # noqa: S101  after its head
                    size += len(piece)
                    await _decode(reader, piece, events, turns, observer)
                # The answer may be whole before the error that ended its connection.
                failure = connection.failure
        except Exception as error:
            failure = _explained(error, clock, self._route)
            if reader is None:
                raise failure from error
        with reader.traced():
            if size < _LONG or failure is not None:
                events += reader.close(failure)
            else:
                events += await _close_beside(reader, clock)
        return events, connection


class _Turns:
    """Rings the alarm by the clock; after much work of one request, limits, signals and other requests have their turn.

    The event loop has the monotonic clock, too. Most limits are moved on long before they are reached: so only a nearer
    one is set at once, and one that is reached is looked up again.
    """

    def __init__(self, alarm: asyncio.Timeout, clock: Clock) -> None:
        self._alarm, self.clock = alarm, clock
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()

    async def __aenter__(self) -> Self:
        self.clock.left()
        self._timer = self._loop.call_at(self.clock.end, self._ring)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()

    def enter(self, stage: Stage) -> None:
        """Set the limit of the stage that the exchange has reached."""
        self.clock.enter(stage)
        self._move()

    async def give(self) -> None:
        """Call between two steps of decoding."""
        self._move()
        if time.monotonic() - self._began > _TURN:
            await asyncio.sleep(0)
            self._began = time.monotonic()

    def _move(self) -> None:
        if self.clock.end < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self.clock.end, self._ring)

    def _ring(self) -> None:
        if self.clock.end > self._loop.time():
            self._timer = self._loop.call_at(self.clock.end, self._ring)
        else:
            self._alarm.reschedule(self.clock.end)


def _read_at_once(head: ResponseHead, body: bytes, observer: Observer) -> Sequence[Event] | None:
    """The events of a body that is there as a whole; None if it is to be decoded in steps. The bytes decide, not the head."""
    events = read_plain_answer(body, head.info)
    if events is not None:
        observer.began(head)
        observer.received(body)
    return events


async def _decode(
    reader: ResponseReader[Event], piece: bytes, events: list[Event], turns: _Turns, observer: Observer
) -> None:
    """Add the events in the next piece of the body, step by step: the alarm may end this between two steps."""
    with reader.traced():
        for content in reader.unpack(piece):
            await turns.give()
            if reader.is_answer:
                observer.received(content)
            events += take(reader.feed(content), reader, turns.clock)


async def _close_beside(reader: ResponseReader[Event], clock: Clock) -> Sequence[Event]:
    """The last events of a long answer, whose calls are read in one step; it may take seconds."""
    clock.progress()
    try:
        async with asyncio.timeout(clock.left()):
            return await asyncio.to_thread(list, reader.close())
    except TimeoutError:
        raise clock.expired() from None


def _answer_id(events: Sequence[Event]) -> str:
    return next((event.id for event in events if isinstance(event, Start)), "")


def _explained(error: Exception, clock: Clock, route: Route) -> MmpipeError:
    """Our error for a failed exchange; raises one that is ours already, and any that is a bug."""
    found = None if isinstance(error, MmpipeError) else explain_error(error, route)
    if found is not None:
        return found
    if isinstance(error, TimeoutError):
        # The alarm; the clock knows the limit.
        return clock.expired()
    raise error
