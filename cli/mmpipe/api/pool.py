"""Asks the service many times at once: the SDK on asyncio, over a pool of connections that are kept."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from mmpipe.api.aiohttp_transport import open_session, request_options, sdk_client
from mmpipe.api.attempt import UNOBSERVED, Observer, advance, begin
from mmpipe.api.exchange import Clock, Stage
from mmpipe.api.reception import Reception, receive_answer
from mmpipe.api.sdk import head_of, import_sdk, without_key
from mmpipe.api.sdk_errors import explain
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import MmpipeError, UsageError
from mmpipe.text.json_bytes import json_bytes

if TYPE_CHECKING:
    import httpx2


class Pool:
    """Connections to one endpoint, at most `size`; to be entered inside the loop that uses it."""

    def __init__(self, endpoint: Endpoint, patience: Timeouts, size: int) -> None:
        self._endpoint, self._patience, self._size = endpoint, patience, size

    async def __aenter__(self) -> Self:
        import_sdk(aiohttp=True)
        try:
            self._session = open_session(self._endpoint, self._patience, self._size)
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(f"the environment's proxy or certificates cannot be used: {error}") from error
        try:
            self._client = sdk_client(self._endpoint, self._session)
        except Exception as error:
            await self._session.close()
            raise explain(error) or error from error
        self._options = {streamed: request_options(streamed=streamed) for streamed in (False, True)}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._session.close()

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError that says what went wrong.

        Of the observer, `began` and `received` are told.
        """
        clock = Clock(limits, begins_soon=request.streamed)
        # How long a connection may take is the session's business.
        clock.enter(Stage.WAITING)
        try:
            return await self._exchange(request, clock, observer)
        except MmpipeError as error:
            raise without_key(error, self._endpoint.key) from error.__cause__

    async def _exchange(self, request: Request, clock: Clock, observer: Observer) -> Sequence[Event]:
        """The limit on time is one alarm, moved on by whatever brings the answer forward."""
        events: list[Event] = []
        reception: Reception[Event] | None = None
        failure: MmpipeError | None = None
        try:
            async with asyncio.timeout(clock.left()) as alarm:
                response = await self._send(request)
                try:
                    head = head_of(response, self._endpoint.key.value)
                    reception = begin(receive_answer, head, clock, observer)
                    # The loop's clock is the monotonic one, too.
                    alarm.reschedule(clock.end)
                    async for piece in response.stream:  # type: ignore[union-attr]  # of an asynchronous client
                        events += advance(reception, piece, clock, observer)
                        alarm.reschedule(clock.end)
                finally:
                    await response.stream.aclose()  # type: ignore[union-attr]
        except MmpipeError:
            raise
        except Exception as error:
            failure = _explained(error, clock)
            if reception is None:
                raise failure from error
        events += reception.close(failure)
        return events

    async def _send(self, request: Request) -> "httpx2.Response":
        import httpx2

        response = await self._client.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=json_bytes(request.body()),
            options=self._options[request.streamed],
            stream=True,
            stream_cls=None,
        )
        assert isinstance(response, httpx2.Response)  # noqa: S101  what cast_to asks for
        return response


def _explained(error: Exception, clock: Clock) -> MmpipeError:
    """What broke the exchange, in our words; raises what is a bug."""
    found = explain(error)
    if found is not None:
        return found
    if isinstance(error, TimeoutError):
        # The alarm: the clock knows which limit it was.
        return clock.expired()
    raise error
