"""The SDK's asynchronous client over aiohttp, made for many requests that differ in their body only.

The SDK's default transport searches all its connections for each request; its aiohttp transport keeps cookies, and
reports a refused connection as a timeout. So the transport is ours. The parts that all requests share are built once,
in the method that the SDK's Azure client overrides too. Each of the two halves the time. If the SDK changes, requests
are built and sent as usual, and `tests/api/http/test_aiohttp_transport.py` notices.
"""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk import USER_AGENT, accept_any_status, request_headers, sdk_key, tls_context
from mmpipe.api.http.tunnels import check_proxy, proxy_authorization
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Timeouts
from mmpipe.errors import MmpipeError

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    import yarl
    from openai import AsyncOpenAI
    from openai._models import FinalRequestOptions
    from openai._types import RequestOptions

_SENT_AT_ONCE = 2**20  # bytes of a body; aiohttp warns above that
_TARGET = "mmpipe.target"  # the extension of a request that holds its URL and headers as aiohttp wants them


def open_session(endpoint: Endpoint, route: Route, timeouts: Timeouts, size: int) -> "aiohttp.ClientSession":
    """A session of at most `size` connections; raises UsageError for unusable certificates."""
    import aiohttp
    import yarl

    from mmpipe.api.http.aiohttp_connector import Connector

    proxy, login = None, None
    if route.proxy is not None and route.is_forwarded:
        proxy, login = yarl.URL(route.proxy.url), proxy_authorization(route.proxy)
    return aiohttp.ClientSession(
        connector=Connector(route, tls_context(endpoint, route), size),
        # No state of a host is sent with the next request.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        proxy=proxy,
        headers={"Proxy-Authorization": login.decode()} if login else None,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect),
    )


def sdk_client(endpoint: Endpoint, route: Route, session: "aiohttp.ClientSession") -> "AsyncOpenAI":
    """The SDK's client over `session`; the body of each request must be bytes."""
    client = _client_class()(
        api_key=sdk_key(endpoint),
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=_http_client(_transport(route, session)),
    )
    # Otherwise the SDK runs `uname` with our environment, which holds the key.
    client._platform = "Unknown"  # noqa: SLF001
    return client


def _client_class() -> "type[AsyncOpenAI]":
    import httpx2
    import openai

    built: dict[str, httpx2.Request] = {}

    class AsyncClient(openai.AsyncOpenAI):
        @property
        def user_agent(self) -> str:
            return USER_AGENT

        def platform_headers(self) -> dict[str, str]:
            """Nothing, as in api.client."""
            return {}

        def _build_request(self, options: "FinalRequestOptions", *, retries_taken: int = 0) -> httpx2.Request:
            # The only header that differs between our requests.
            accept = str(options.headers["Accept"]) if isinstance(options.headers, dict) else ""
            first = built.get(accept)
            if first is None or not isinstance(options.content, bytes):
                first = super()._build_request(options, retries_taken=retries_taken)
                first.extensions = {**first.extensions, _TARGET: _target(first)}
                built[accept] = first
                return first
            return httpx2.Request(
                first.method,
                first.url,
                headers=first.headers,
                stream=httpx2.ByteStream(options.content),
                extensions=first.extensions,
            )

    return AsyncClient


def request_options(endpoint: Endpoint, *, streamed: bool) -> "RequestOptions":
    """The options of each request; the SDK would copy its own defaults each time."""
    return {
        "headers": request_headers(endpoint, streamed=streamed),
        "max_retries": 0,
        "timeout": None,
        "follow_redirects": False,
        "params": {},
        "security": {"bearer_auth": True},
        "stream_mode": "legacy",
        "synthesize_event_and_data": False,
        # Not sent; without it the SDK generates one.
        "idempotency_key": "",
    }


def _transport(route: Route, session: "aiohttp.ClientSession") -> "httpx2.AsyncBaseTransport":
    import aiohttp
    import httpx2

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, response: aiohttp.ClientResponse) -> None:
            self._response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._response.content.iter_any():
                yield piece
            # The answer may be whole before the error that ended its connection.
            failure = getattr(self._response.content, "failure", None)
            if failure is not None:
                raise aiohttp.ClientPayloadError from failure

        async def aclose(self) -> None:
            # Keeps a connection whose answer was read to its end; closes any other.
            self._response.release()

    class Transport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            url, headers = request.extensions.get(_TARGET) or _target(request)
            body = await request.aread()
            response = await session.request(
                request.method,
                url,
                headers=headers,
                data=body if len(body) <= _SENT_AT_ONCE else BytesIO(body),
                allow_redirects=False,
            )
            _check_proxy(route, response)
            # With a given encoding httpx2 need not guess it from all headers at each access.
            found = httpx2.Headers(response.raw_headers, encoding="latin-1")
            answer = httpx2.Response(response.status, headers=found, stream=Stream(response), request=request)
            accept_any_status(answer)
            return answer

    return Transport()


def _check_proxy(route: Route, response: "aiohttp.ClientResponse") -> None:
    """Raise NetworkError, and close the connection, if the response is the refusal of a proxy."""
    try:
        check_proxy(route, response.status, response.raw_headers)
    except MmpipeError:
        response.close()
        raise


def _http_client(transport: "httpx2.AsyncBaseTransport") -> "httpx2.AsyncClient":
    import httpx2

    class HttpClient(httpx2.AsyncClient):
        async def send(
            self,
            request: httpx2.Request,
            *,
            stream: bool = False,
            **_: Any,  # noqa: ANN401  redirects and authentication
        ) -> httpx2.Response:
            """Send directly: no redirects, no cookies, no authentication but the SDK's header."""
            response = await transport.handle_async_request(request)
            if not stream:
                await response.aread()
            return response

    return HttpClient(transport=transport, timeout=None)


def _target(request: "httpx2.Request") -> "tuple[yarl.URL, dict[str, str]]":
    import yarl

    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return yarl.URL(str(request.url), encoded=True), headers
