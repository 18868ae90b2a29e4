"""Asks the service many times at once: the SDK on asyncio, over a pool of connections that are kept.

The SDK builds and sends each request, as in api.client; the bytes go over aiohttp, which serves a thousand connections
where the SDK's own transport searches through them. A transport of our own and not the SDK's, because that one keeps
cookies, and calls a refused connection a timeout.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from mmpipe.api.course import advance
from mmpipe.api.exchange import Clock, Stage
from mmpipe.api.reception import Head, receive_answer
from mmpipe.api.sdk import (
    MAX_ERROR_BODY,
    USER_AGENT,
    check_plain,
    content_type,
    explained,
    headers,
    import_sdk,
    source,
    tls,
)
from mmpipe.errors import BadResponse, MmpipeError, NetworkError, TimedOut, UsageError
from mmpipe.events import Event
from mmpipe.request import Request
from mmpipe.terms import Endpoint, Limits, Patience

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    from openai import AsyncOpenAI

T = TypeVar("T")
_KEPT = 300.0  # seconds that an idle connection is kept


class Pool:
    """Connections to one endpoint, at most `size`; to be entered inside the loop that uses it."""

    def __init__(self, endpoint: Endpoint, patience: Patience, size: int) -> None:
        import_sdk(aiohttp=True)
        self._endpoint, self._patience, self._size = endpoint, patience, size

    async def __aenter__(self) -> Self:
        try:
            self._session = _session(self._endpoint, self._patience, self._size)
            self._client = _client(self._endpoint, self._session)
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(f"the environment's proxy or certificates cannot be used: {error}") from error
        self._headers = {streamed: headers(streamed=streamed) for streamed in (False, True)}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._session.close()

    async def ask(self, request: Request, limits: Limits) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError that says what went wrong."""
        clock = Clock(limits, begins_soon=request.streamed)
        # How long a connection may take is the session's business.
        clock.enter(Stage.WAITING)
        try:
            response = await self._in_time(clock, self._send(request))
            try:
                return await self._events(response, clock)
            finally:
                await response.aclose()
        except MmpipeError as error:
            error.message = error.message.replace(self._endpoint.key.value, "***")
            raise

    async def _send(self, request: Request) -> "httpx2.Response":
        import httpx2

        response = await self._client.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=request.body(),
            options={"headers": self._headers[request.streamed]},
            stream=True,
            stream_cls=None,
        )
        assert isinstance(response, httpx2.Response)  # noqa: S101  what cast_to asks for
        return response

    async def _events(self, response: "httpx2.Response", clock: Clock) -> Sequence[Event]:
        head = Head(source(response, self._endpoint.key.value), content_type(response))
        reception = receive_answer(head)
        pieces = response.aiter_raw()
        events: list[Event] = []
        failure: MmpipeError | None = None
        while True:
            try:
                piece = await self._in_time(clock, anext(pieces, None))
            except (NetworkError, TimedOut, BadResponse) as error:
                failure = error
                break
            if piece is None:
                break
            events += advance(reception, piece, clock)
        events += reception.close(failure)
        return events

    async def _in_time(self, clock: Clock, awaitable: Awaitable[T]) -> T:
        """What is awaited, if it comes before the clock's limit; errors of the SDK in our words."""
        try:
            async with asyncio.timeout(clock.left()):
                return await awaitable
        except TimeoutError as error:
            if isinstance(explain := explained(error, ""), MmpipeError):
                raise explain from error
            clock.left()
            raise
        except MmpipeError:
            raise
        except Exception as error:
            raise explained(error, self._endpoint.key.value) from error


def _session(endpoint: Endpoint, patience: Patience, size: int) -> "aiohttp.ClientSession":
    import aiohttp

    checked = tls(endpoint)
    connector = aiohttp.TCPConnector(limit=size, keepalive_timeout=_KEPT, ssl=checked)
    return aiohttp.ClientSession(
        connector=connector,
        # Nothing that a host sends is kept for the next request.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        # A proxy of the environment cannot reach this machine's loopback.
        trust_env=not endpoint.is_plain_http,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=patience.connect),
    )


def _client(endpoint: Endpoint, session: "aiohttp.ClientSession") -> "AsyncOpenAI":
    import httpx2
    import openai

    class Client(openai.AsyncOpenAI):
        @property
        def user_agent(self) -> str:
            return USER_AGENT

        def platform_headers(self) -> dict[str, str]:
            """As in api.client."""
            return {}

    transport = httpx2.AsyncClient(
        transport=_transport(session),
        follow_redirects=False,
        timeout=None,
        event_hooks={"response": [_bound]},
    )
    return Client(
        api_key=endpoint.key.value,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=transport,
    )


def _transport(session: "aiohttp.ClientSession") -> "httpx2.AsyncBaseTransport":
    import aiohttp
    import httpx2
    import yarl

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, response: aiohttp.ClientResponse) -> None:
            self._response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._response.content.iter_any():
                yield piece

        async def aclose(self) -> None:
            # A connection whose answer was read to its end is kept; any other is closed.
            self._response.release()

    class Transport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await session.request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=request.headers,
                data=request.content,
                allow_redirects=False,
            )
            # Told the encoding, httpx2 need not try it on every header for each question.
            found = httpx2.Headers(response.raw_headers, encoding="latin-1")
            return httpx2.Response(response.status, headers=found, stream=Stream(response), request=request)

    return Transport()


async def _bound(response: "httpx2.Response") -> None:
    """A response hook: the body of an error is read by the SDK itself, so it must not be endless."""
    import httpx2

    check_plain(response)
    if not response.is_success and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _bounded(response.stream)


def _bounded(stream: "httpx2.AsyncByteStream") -> "httpx2.AsyncByteStream":
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for piece in stream:
                yield piece
                read += len(piece)
                if read >= MAX_ERROR_BODY:
                    return

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
