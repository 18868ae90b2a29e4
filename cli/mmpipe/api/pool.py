"""Asks the service many times at once: the SDK on asyncio, over a pool of persistent connections."""

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from mmpipe.api.answer.response import ResponseReader, read_answer
from mmpipe.api.attempt import UNOBSERVED, Observer, advance, begin
from mmpipe.api.http.aiohttp_transport import open_session, request_options, sdk_client
from mmpipe.api.http.exchange import Clock, Stage
from mmpipe.api.http.routes import Route, find_route
from mmpipe.api.http.sdk import COMPLETIONS, import_sdk, mask_error, read_head
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.tunnels import check_tunnels
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import MmpipeError
from mmpipe.text.json_encoding import encode_json

if TYPE_CHECKING:
    import httpx2


class Pool:
    """At most `size` connections to one endpoint; entered inside the event loop that uses it."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, size: int) -> None:
        self._endpoint, self._timeouts, self._size = endpoint, timeouts, size

    async def __aenter__(self) -> Self:
        import_sdk(aiohttp=True)
        self._route = find_route(self._endpoint.base_url, os.environ)
        check_tunnels(self._route.proxy)
        self._session = open_session(self._endpoint, self._route, self._timeouts, self._size)
        try:
            self._client = sdk_client(self._endpoint, self._route, self._session)
        except Exception as error:
            await self._session.close()
            raise explain_error(error, self._route) or error from error
        self._options = {
            streamed: request_options(self._endpoint, streamed=streamed) for streamed in (False, True)
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._session.close()

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError. Calls `began` and `received` of the observer."""
        clock = Clock(limits, begins_soon=request.streamed, peer=self._route)
        # The session has its own limit for connecting.
        clock.enter(Stage.WAITING)
        try:
            return await self._exchange(request, clock, observer)
        except MmpipeError as error:
            raise mask_error(error, self._endpoint) from error.__cause__

    async def _exchange(self, request: Request, clock: Clock, observer: Observer) -> Sequence[Event]:
        """Run one exchange under one alarm, which each part of the answer moves on."""
        events: list[Event] = []
        reader: ResponseReader[Event] | None = None
        failure: MmpipeError | None = None
        try:
            async with asyncio.timeout(clock.left()) as alarm:
                response = await self._send(request)
                try:
                    head = read_head(response, self._endpoint, self._route, request.model)
                    reader = begin(read_answer, head, clock, observer)
                    # The loop has the monotonic clock, too.
                    alarm.reschedule(clock.end)
                    async for piece in response.stream:  # type: ignore[union-attr]  # of an asynchronous client
                        events += advance(reader, piece, clock, observer)
                        alarm.reschedule(clock.end)
                finally:
                    await response.stream.aclose()  # type: ignore[union-attr]
        except MmpipeError:
            raise
        except Exception as error:
            failure = _explained(error, clock, self._route)
            if reader is None:
                raise failure from error
        events += reader.close(failure)
        return events

    async def _send(self, request: Request) -> "httpx2.Response":
        import httpx2

        response = await self._client.post(
            COMPLETIONS,
            cast_to=httpx2.Response,
            content=encode_json(request.body()),
            options=self._options[request.streamed],
            stream=True,
            stream_cls=None,
        )
        assert isinstance(response, httpx2.Response)  # noqa: S101  by cast_to
        return response


def _explained(error: Exception, clock: Clock, route: Route) -> MmpipeError:
    """Our error for a failed exchange; raises any error that is a bug."""
    found = explain_error(error, route)
    if found is not None:
        return found
    if isinstance(error, TimeoutError):
        # The alarm; the clock knows the limit.
        return clock.expired()
    raise error
