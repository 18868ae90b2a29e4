"""The SDK's asynchronous client over aiohttp, made for many requests that differ in their body only.

The SDK's default transport searches all its connections for each request; its aiohttp transport keeps cookies, and
reports a refused connection as a timeout. So the transport is ours. The parts that all requests share are built once,
in the method that the SDK's Azure client overrides too. Each of the two halves the time. If the SDK changes, requests
are built and sent as usual, and `tests/api/test_aiohttp_transport.py` notices.
"""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mmpipe.api.sdk import USER_AGENT, accept_any_status, request_headers, sdk_key, tls_context
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Timeouts

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    import yarl
    from openai import AsyncOpenAI
    from openai._models import FinalRequestOptions
    from openai._types import RequestOptions

_KEPT = 300.0  # seconds until an idle connection is closed
_LONGEST_LINE = 100 * 1024  # bytes of a header, or of a line of trailers; the same limit as in httpx2
_SENT_AT_ONCE = 2**20  # bytes of a body; aiohttp warns above that
_TARGET = "mmpipe.target"  # the extension of a request that holds its URL and headers as aiohttp wants them


def open_session(endpoint: Endpoint, timeouts: Timeouts, size: int) -> "aiohttp.ClientSession":
    """A session of at most `size` connections; raises ValueError or OSError for an invalid proxy or certificates."""
    import aiohttp
    import httpx2

    checked = tls_context(endpoint)
    # The same certificate authorities as for a single request; those of aiohttp differ.
    context = httpx2.create_ssl_context() if checked is True else checked
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=size, keepalive_timeout=_KEPT, ssl=context),
        # No state of a host is sent with the next request.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        proxy=_proxy(endpoint),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect),
    )


def _proxy(endpoint: Endpoint) -> "yarl.URL | None":
    """The environment's proxy for this host, or None; raises ValueError. aiohttp itself ignores ALL_PROXY."""
    import yarl

    found, url = getproxies(), urlsplit(endpoint.base_url)
    # NO_PROXY may name a port, also the default port.
    hosts = (url.hostname or "", f"{url.hostname}:{url.port or (80 if endpoint.is_plain_http else 443)}")
    named = found.get(url.scheme) or found.get("all")
    if (endpoint.is_plain_http and endpoint.is_on_this_machine) or not named or any(map(proxy_bypass, hosts)):
        return None
    proxy = yarl.URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ValueError("it is not an http:// or https:// URL")
    return proxy


def sdk_client(endpoint: Endpoint, session: "aiohttp.ClientSession") -> "AsyncOpenAI":
    """The SDK's client over `session`; the body of each request must be bytes."""
    client = _client_class()(
        api_key=sdk_key(endpoint),
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=_http_client(_transport(session)),
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


def _transport(session: "aiohttp.ClientSession") -> "httpx2.AsyncBaseTransport":
    import aiohttp
    import httpx2

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, response: aiohttp.ClientResponse) -> None:
            self._response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._response.content.iter_any():
                yield piece

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
            # With a given encoding httpx2 need not guess it from all headers at each access.
            found = httpx2.Headers(response.raw_headers, encoding="latin-1")
            answer = httpx2.Response(response.status, headers=found, stream=Stream(response), request=request)
            accept_any_status(answer)
            return answer

    return Transport()


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
