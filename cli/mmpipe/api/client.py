"""Asks the service: one attempt of one request over the OpenAI SDK. `pool` does the same for many at once.

The SDK builds and sends the request; its decoder is not used. Six kinds of broken stream end its iterator without an
exception, so the bytes go to our own decoder. `client.post` and `client.get` with
`cast_to=httpx2.Response` are the documented way to get them, and unlike `with_streaming_response` need none of the
SDK's resource classes.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from urllib.parse import urlencode

from mmpipe.api.answer.answer_end import LINGER
from mmpipe.api.answer.model_list import ModelList, collect_pages
from mmpipe.api.answer.response import ResponseReader, read_answer, read_model_list
from mmpipe.api.attempt import Observer, Part, follow
from mmpipe.api.http.early_connection import EarlyConnection
from mmpipe.api.http.exchange import Arrival, Clock, Exchange, OpenBody
from mmpipe.api.http.routes import Route, find_route
from mmpipe.api.http.sdk import (
    COMPLETIONS,
    import_http,
    import_sdk,
    mask_error,
    open_client,
    read_head,
    send_request,
    tls_context,
)
from mmpipe.api.http.sdk_errors import explain_error
from mmpipe.api.http.socket_transport import (
    RAW_BODY,
    RAW_HEAD,
    Connecting,
    open_connection,
    socket_transport,
)
from mmpipe.api.http.tunnels import check_tunnels
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError
from mmpipe.text.json_encoding import encode_json


@dataclass(frozen=True, slots=True)
class _Call:
    """An HTTP request: POST with a body, GET without."""

    path: str
    body: Mapping[str, object] | None = None
    streamed: bool = False

    @property
    def model(self) -> str:
        """The model that is asked; empty for a GET."""
        return "" if self.body is None else str(self.body.get("model", ""))

    @property
    def begins_soon(self) -> bool:
        """True if the response begins long before its end; an unstreamed answer is silent until it is whole."""
        return self.streamed or self.body is None


def ask(request: Request, endpoint: Endpoint, limits: Limits, observer: Observer) -> Iterator[Event]:
    """The events of one attempt; raises an MmpipeError."""
    body = request.body()
    endpoint.check_sendable(partial(encode_json, body))
    call = _Call(COMPLETIONS, body, streamed=request.streamed)
    return _parts(call, partial(read_answer, pieces=request.pieces), endpoint, limits, observer)


def list_models(endpoint: Endpoint, limits: Limits, observer: Observer) -> ModelList:
    """The models that the host serves, by one attempt at each page; raises as `ask` does."""

    def ask_page(parameters: Mapping[str, str]) -> ModelList:
        # An id is any text, also one that UTF-8 has no bytes for.
        query = urlencode(parameters, errors="surrogatepass")
        call = _Call(f"/models?{query}" if query else "/models")
        (page,) = _parts(call, read_model_list, endpoint, limits, observer)
        return page

    return collect_pages(ask_page)


def _parts(
    call: _Call,
    read: Callable[[ResponseHead], ResponseReader[Part]],
    endpoint: Endpoint,
    limits: Limits,
    observer: Observer,
) -> Iterator[Part]:
    def perform(put: Callable[[Arrival], None]) -> None:
        try:
            _perform(call, endpoint, route, limits, put)
        except Exception as error:
            raise explain_error(error, route) or error from error

    route = find_route(endpoint.base_url, os.environ)
    check_tunnels(route.proxy)
    if route.proxy is not None:
        observer.note(f"to {route}")
    clock = Clock(limits, begins_soon=call.begins_soon, peer=route)
    with Exchange(perform) as exchange:
        try:
            yield from follow(exchange.arrivals(clock, observer.look), read, clock, observer)
        except MmpipeError as error:
            raise mask_error(error, endpoint) from error.__cause__


def _perform(
    call: _Call, endpoint: Endpoint, route: Route, limits: Limits, put: Callable[[Arrival], None]
) -> None:
    """Run in the exchange's thread: connect while the SDK is imported, send the request, pass on the head and the open body.

    Of TLS inside TLS the body is read here, and passed on in pieces.
    """
    import_http()
    # The clock of the exchange decides; these timeouts only end an abandoned thread.
    connecting = Connecting(
        route,
        partial(tls_context, endpoint, route),
        limits.connect + LINGER,
        max(limits.idle, limits.first_byte) + LINGER,
    )
    with ExitStack() as opened:
        early = opened.enter_context(EarlyConnection(partial(open_connection, connecting, put)))
        import_sdk()
        transport = socket_transport(connecting, early.take, put)
        client = opened.enter_context(open_client(endpoint, transport))
        response = opened.enter_context(
            closing(send_request(client, endpoint, call.path, call.body, streamed=call.streamed))
        )
        put(read_head(response.extensions[RAW_HEAD], endpoint, route, call.model))
        read = response.extensions[RAW_BODY].read
        if route.is_tls_in_tls:
            # There a read may take many times its timeout: httpcore2 begins it anew with each piece of a TLS record.
            while (received := read(limits.idle)) is not None:
                put(received)
            return
        kept = opened.pop_all()
    try:
        put(OpenBody(read, kept.close))
    except BaseException:
        kept.close()
        raise
