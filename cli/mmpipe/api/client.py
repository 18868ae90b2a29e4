"""Asks the service: one attempt of one request over the OpenAI SDK; the only importer of the SDK.

The SDK builds and sends the request; its reading of the answer is not used. Six kinds of broken stream end its
iterator without an exception, so the bytes go to our own decoder. `client.post` and `client.get` with
`cast_to=httpx2.Response` are the documented way to get them, and unlike `with_streaming_response` need none of the
SDK's resource classes.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mmpipe import __version__
from mmpipe.api.course import LINGER, Observer, Part, follow
from mmpipe.api.exchange import Arrival, Clock, Exchange, Stage
from mmpipe.api.failures import explain
from mmpipe.api.lean_import import lean_openai
from mmpipe.api.reception import Head, Reception, receive_answer, receive_model_list
from mmpipe.api.retry import parse_date, parse_retry_after
from mmpipe.api.verdict import Source, from_status
from mmpipe.api.wire import parse
from mmpipe.errors import BadResponse, MmpipeError, UsageError
from mmpipe.events import Event
from mmpipe.request import Request
from mmpipe.terms import Endpoint, Limits

if TYPE_CHECKING:
    import ssl

    import httpx2
    from openai import OpenAI

_MAX_ERROR_BODY = 2**20  # bytes; what explains an error is short
_TELEMETRY = ("X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")
_TRACE = re.compile(r"[\w.:-]{1,128}", re.ASCII)  # any other is no id, but somebody's text


@dataclass(frozen=True, slots=True)
class _Call:
    """What is sent: a body is posted; where there is none, something is only got."""

    path: str
    body: Mapping[str, object] | None = None
    streamed: bool = False

    @property
    def begins_soon(self) -> bool:
        """Whether something comes long before all is there: an unstreamed answer is silent until it is whole."""
        return self.streamed or self.body is None


def ask(request: Request, endpoint: Endpoint, limits: Limits, observer: Observer) -> Iterator[Event]:
    """The events of one attempt; raises an MmpipeError that says what went wrong."""
    call = _Call("/chat/completions", request.body(), streamed=request.streamed)
    return _answered(call, receive_answer, endpoint, limits, observer)


def list_models(endpoint: Endpoint, limits: Limits, observer: Observer) -> tuple[str, ...]:
    """The ids of the models that the host serves, by one attempt; raises as `ask` does."""
    return tuple(_answered(_Call("/models"), receive_model_list, endpoint, limits, observer))


def _answered(
    call: _Call,
    receive: Callable[[Head], Reception[Part]],
    endpoint: Endpoint,
    limits: Limits,
    observer: Observer,
) -> Iterator[Part]:
    key = endpoint.key.value

    def perform(put: Callable[[Arrival], None]) -> None:
        try:
            _perform(call, endpoint, limits, put)
        except Exception as error:
            raise _explained(error, key) from error

    clock = Clock(limits, begins_soon=call.begins_soon)
    with Exchange(perform) as exchange:
        try:
            yield from follow(exchange.arrivals(clock.left, observer.look), receive, clock, observer)
        except MmpipeError as error:
            # As in `_source`.
            error.message = error.message.replace(key, "***")
            raise


def _import_sdk() -> None:
    # Any of them would be sent (organisation, project, headers), or change where the request goes.
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        del os.environ[name]
    with lean_openai(aiohttp=False):
        import openai  # noqa: F401  for its effect: later imports find it loaded


def _perform(call: _Call, endpoint: Endpoint, limits: Limits, put: Callable[[Arrival], None]) -> None:
    """The work of the exchange's thread: import the SDK, send the request, pass on what arrives."""
    _import_sdk()
    import httpx2
    import openai

    put(Stage.CONNECTING)
    headers: dict[str, str | openai.Omit] = {
        "Accept": "text/event-stream" if call.streamed else "application/json",
        # What is compressed cannot be told from a bomb before it is unpacked, and text is short.
        "Accept-Encoding": "identity",
        # The SDK's telemetry, as far as `platform_headers` does not bring it.
        **dict.fromkeys(_TELEMETRY, openai.omit),
    }
    try:
        client = _client(endpoint, limits, put)
    except (ImportError, ValueError, OSError) as error:
        # Variables of the environment that make no sense: SSL_CERT_FILE, HTTPS_PROXY, ALL_PROXY.
        raise UsageError(f"the environment's proxy or certificates cannot be used: {error}") from error
    with client:
        send = client.get if call.body is None else partial(client.post, body=call.body)
        response = send(
            call.path, cast_to=httpx2.Response, options={"headers": headers}, stream=True, stream_cls=None
        )
        assert isinstance(response, httpx2.Response)  # noqa: S101  what cast_to asks for
        with closing(response):
            put(Head(_source(response, endpoint.key.value), _content_type(response)))
            for piece in response.iter_raw():
                put(piece)


def _client(endpoint: Endpoint, limits: Limits, put: Callable[[Arrival], None]) -> "OpenAI":
    import openai

    class Client(openai.OpenAI):
        @property
        def user_agent(self) -> str:
            return f"mmpipe/{__version__}"

        def platform_headers(self) -> dict[str, str]:
            """No telemetry: neither the system nor the Python version is the service's business."""
            return {}

    # The clock of the exchange decides; these only end a thread that was given up.
    timeout = openai.Timeout(max(limits.idle, limits.first_byte) + LINGER, connect=limits.connect + LINGER)
    transport = openai.DefaultHttpxClient(
        verify=_tls(endpoint),
        # A proxy of the environment cannot reach this machine's loopback.
        trust_env=not endpoint.is_plain_http,
        follow_redirects=False,
        timeout=timeout,
        event_hooks={"request": [_tracer(put)], "response": [_bound]},
    )
    return Client(
        api_key=endpoint.key.value,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=timeout,
        http_client=transport,
    )


def _tls(endpoint: Endpoint) -> "ssl.SSLContext | bool":
    if endpoint.is_plain_http:
        return False
    if endpoint.ca_file is None:
        return True
    import ssl

    try:
        return ssl.create_default_context(cafile=endpoint.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"cannot use the certificates of {endpoint.ca_file}: {error.strerror}") from error


def _tracer(put: Callable[[Arrival], None]) -> "Callable[[httpx2.Request], None]":
    """A request hook that tells how far the request has come."""

    def trace(event: str, _: object) -> None:
        if event.endswith("send_request_headers.started"):
            put(Stage.SENDING)
        elif event.endswith("send_request_body.complete"):
            put(Stage.WAITING)

    def hook(request: "httpx2.Request") -> None:
        request.extensions = {**request.extensions, "trace": trace}

    return hook


def _bound(response: "httpx2.Response") -> None:
    """A response hook: the body of an error is read by the SDK itself, so it must not be endless."""
    import httpx2

    if response.headers.get("content-encoding", "").lower() not in ("", "identity"):
        raise BadResponse("the service compressed its answer although it was asked not to")
    if not response.is_success and isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _bounded(response.stream)


def _bounded(stream: "httpx2.SyncByteStream") -> "httpx2.SyncByteStream":
    import httpx2

    class Bounded(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            read = 0
            for piece in stream:
                yield piece
                read += len(piece)
                if read >= _MAX_ERROR_BODY:
                    return

        def close(self) -> None:
            stream.close()

    return Bounded()


def _content_type(response: "httpx2.Response") -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _source(response: "httpx2.Response", key: str) -> Source:
    headers = response.headers
    now = parse_date(headers.get("date")) or time.time()
    trace = str(headers.get("trace-id") or headers.get("minimax-request-id") or "")
    return Source(
        http=response.status_code,
        # Some hosts repeat what they were sent, in places that are shown.
        request_id=trace if _TRACE.fullmatch(trace) and key not in trace else None,
        retry_after=parse_retry_after(headers.get("retry-after"), now=now),
        now=now,
    )


def _explained(error: Exception, key: str) -> Exception:
    """An error of the SDK, or of what is below it, in our words; a bug stays what it is."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_error(error.response, key)
    return explain(error) or error


def _status_error(response: "httpx2.Response", key: str) -> MmpipeError:
    source = _source(response, key)
    try:
        body = parse(response.content)
    except BadResponse:
        body = None
    return from_status(source, body)
