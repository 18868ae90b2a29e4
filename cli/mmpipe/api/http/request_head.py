"""The bytes of a request before its body: the SDK's request line and headers, on the wire of a route."""

from typing import TYPE_CHECKING, Final

from mmpipe.api.http.routes import Route
from mmpipe.api.http.sdk import COMPLETIONS, open_client, send_request
from mmpipe.api.http.tunnels import proxy_authorization
from mmpipe.core.endpoint import Endpoint

if TYPE_CHECKING:
    import httpx2

_LENGTH: Final = b"content-length"


def encode_head(request: "httpx2.Request", route: Route) -> bytes:
    """The request line and the headers, without Content-Length and the empty line that ends the head."""
    target, fields = (
        request.url.raw_path,
        [field for field in request.headers.raw if field[0].lower() != _LENGTH],
    )
    if route.is_forwarded:
        assert route.proxy is not None  # noqa: S101  by is_forwarded
        target = str(request.url).encode("ascii")
        login = proxy_authorization(route.proxy)
        fields += [(b"Proxy-Authorization", login)] if login else []
    lines = [
        b"%s %s HTTP/1.1" % (request.method.encode("ascii"), target),
        *(b"%s: %s" % field for field in fields),
    ]
    return b"\r\n".join(lines) + b"\r\n"


def with_body(head: bytes, body: bytes) -> bytes:
    """The whole request; without a body it has no Content-Length."""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"%s%s\r\n%s" % (head, length, body)


def build_head(endpoint: Endpoint, route: Route, *, streamed: bool) -> bytes:
    """The head of all chat completions of a run, which differ in their bodies only; built by the SDK.

    The SDK takes longer to build a request than all the rest of the program needs for a record.
    """
    import httpx2

    built: list[httpx2.Request] = []

    class Keeping(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            built.append(request)
            return httpx2.Response(200)

    with open_client(endpoint, Keeping()) as client:
        send_request(client, endpoint, COMPLETIONS, {}, streamed=streamed)
    return encode_head(built[0], route)
