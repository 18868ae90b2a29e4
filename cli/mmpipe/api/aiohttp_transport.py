"""The SDK's asynchronous client with its bytes carried by aiohttp: made for many requests that differ in their body.

The SDK's default transport searches through all its connections for each request; its aiohttp transport keeps cookies,
and calls a refused connection a timeout. So the transport is ours. And what is built anew for each request and is the
same in all of them is built once, by the method that the SDK's Azure client overrides too. Both halve the time; if the
SDK is laid out otherwise one day, requests are built and sent as always. `tests/api/test_over_aiohttp.py` notices.
"""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mmpipe.api.sdk import USER_AGENT, headers, leave_judging, tls
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Timeouts

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    import yarl
    from openai import AsyncOpenAI
    from openai._models import FinalRequestOptions
    from openai._types import RequestOptions

_KEPT = 300.0  # seconds that an idle connection is kept
_LONGEST_LINE = 100 * 1024  # bytes of a header, or of a line of trailers: httpx2 takes as much
_SENT_AT_ONCE = 2**20  # bytes of a body; aiohttp warns of more
_TARGET = "mmpipe.target"  # the extension of a request that holds its URL and headers as aiohttp wants them


def open_session(endpoint: Endpoint, patience: Timeouts, size: int) -> "aiohttp.ClientSession":
    """At most `size` connections; raises ValueError or OSError for a proxy or certificates that make no sense."""
    import aiohttp
    import httpx2

    checked = tls(endpoint)
    # The same authorities as for a single request: aiohttp by itself would trust others.
    context = httpx2.create_ssl_context() if checked is True else checked
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=size, keepalive_timeout=_KEPT, ssl=context),
        # Nothing that a host sends is kept for the next request.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        proxy=_proxy(endpoint),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=patience.connect),
    )


def _proxy(endpoint: Endpoint) -> "yarl.URL | None":
    """The environment's proxy for this host; aiohttp by itself knows neither ALL_PROXY nor what makes no sense."""
    import yarl

    found, url = getproxies(), urlsplit(endpoint.base_url)
    # NO_PROXY may name a port, the usual one too.
    hosts = (url.hostname or "", f"{url.hostname}:{url.port or 443}")
    named = found.get("https") or found.get("all")
    # No proxy can reach this machine's loopback.
    if endpoint.is_plain_http or not named or any(map(proxy_bypass, hosts)):
        return None
    proxy = yarl.URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ValueError("it is no http:// or https:// URL")
    return proxy


def sdk_client(endpoint: Endpoint, session: "aiohttp.ClientSession") -> "AsyncOpenAI":
    """The SDK's client, whose requests go out by `session`; the body of each is to be given as bytes."""
    import httpx2
    import openai

    built: dict[str, httpx2.Request] = {}

    class Client(openai.AsyncOpenAI):
        @property
        def user_agent(self) -> str:
            return USER_AGENT

        def platform_headers(self) -> dict[str, str]:
            """As in api.client."""
            return {}

        def _build_request(self, options: "FinalRequestOptions", *, retries_taken: int = 0) -> httpx2.Request:
            # The one header that our requests differ in.
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

    client = Client(
        api_key=endpoint.key.value,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=_http_client(session),
    )
    # To find it out the SDK runs `uname` with our environment, the key in it, and nobody is told of it.
    client._platform = "Unknown"  # noqa: SLF001
    return client


def request_options(*, streamed: bool) -> "RequestOptions":
    """What the SDK is told of each request; a default that is left to it is copied anew each time."""
    return {
        "headers": headers(streamed=streamed),
        "max_retries": 0,
        "timeout": None,
        "follow_redirects": False,
        "params": {},
        "security": {"bearer_auth": True},
        "stream_mode": "legacy",
        "synthesize_event_and_data": False,
        # Is not sent; it keeps the SDK from making one.
        "idempotency_key": "",
    }


def _http_client(session: "aiohttp.ClientSession") -> "httpx2.AsyncClient":
    import aiohttp
    import httpx2

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
            url, headers = request.extensions.get(_TARGET) or _target(request)
            body = await request.aread()
            response = await session.request(
                request.method,
                url,
                headers=headers,
                data=body if len(body) <= _SENT_AT_ONCE else BytesIO(body),
                allow_redirects=False,
            )
            # Told the encoding, httpx2 need not try it on every header for each question.
            found = httpx2.Headers(response.raw_headers, encoding="latin-1")
            answer = httpx2.Response(response.status, headers=found, stream=Stream(response), request=request)
            leave_judging(answer)
            return answer

    transport = Transport()

    class HttpClient(httpx2.AsyncClient):
        async def send(
            self,
            request: httpx2.Request,
            *,
            stream: bool = False,
            **_: Any,  # noqa: ANN401  redirects and authentication
        ) -> httpx2.Response:
            """Nothing of what lies between: no redirects, no cookies, no authentication but the SDK's header."""
            response = await transport.handle_async_request(request)
            if not stream:
                await response.aread()
            return response

    return HttpClient(transport=transport, timeout=None)


def _target(request: "httpx2.Request") -> "tuple[yarl.URL, dict[str, str]]":
    import yarl

    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return yarl.URL(str(request.url), encoded=True), headers
