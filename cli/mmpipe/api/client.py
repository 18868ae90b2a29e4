"""Asks the service: one attempt of one request over the OpenAI SDK, as events; the only importer of the SDK.

The SDK builds and sends the request; its reading of the answer is not used. Six kinds of broken stream end its
iterator without an exception, so the bytes go to our own decoder. `client.post` with `cast_to=httpx2.Response` is
the documented way to get them, and unlike `with_streaming_response` needs none of the SDK's resource classes.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmpipe import __version__
from mmpipe.api.exchange import Arrival, Clock, Exchange, Head, Limits, Stage
from mmpipe.api.failures import explain
from mmpipe.api.lean_import import lean_openai
from mmpipe.api.retry import parse_date, parse_retry_after
from mmpipe.api.verdict import Source, from_status
from mmpipe.api.wire import MAX_ANSWER, StreamDecoder, decode, parse
from mmpipe.errors import BadResponse, MmpipeError, NetworkError, TimedOut, UsageError
from mmpipe.events import Event
from mmpipe.request import Request
from mmpipe.visible import one_line

if TYPE_CHECKING:
    import ssl

    import httpx2
    from openai import OpenAI

_MAX_ERROR_BODY = 2**20  # bytes; what explains an error is short
_TELEMETRY = ("X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")
_LINGER = 2.0  # seconds that a finished answer waits for its usage


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and with which key; the key is never shown."""

    base_url: str
    key: str = field(repr=False)
    ca_file: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Only there may http:// be used (settings see to it), and no proxy is asked."""
        return self.base_url.startswith("http://")


def _nothing(_: object = None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told: `received` each piece of the body, `look` some times a second, `note` a line for `-v`."""

    received: Callable[[bytes], None] = _nothing
    look: Callable[[], None] = _nothing
    note: Callable[[str], None] = _nothing


def ask(request: Request, endpoint: Endpoint, limits: Limits, observer: Observer) -> Iterator[Event]:
    """The events of one attempt; raises an MmpipeError that says what went wrong."""
    _import_sdk()
    clock = Clock(limits, streamed=request.streamed)
    began = time.monotonic()

    def perform(put: Callable[[Arrival], None]) -> None:
        try:
            _perform(request, endpoint, limits, put)
        except Exception as error:
            raise _explained(error) from error

    def observed(arrivals: Iterable[Arrival]) -> Iterator[Head | bytes]:
        for arrival in arrivals:
            if isinstance(arrival, Stage):
                clock.enter(arrival)
                observer.note(f"{arrival.value} after {(time.monotonic() - began) * 1000:.0f} ms")
            else:
                if isinstance(arrival, bytes):
                    observer.received(arrival)
                yield arrival

    with Exchange(perform) as exchange:
        yield from _events(observed(exchange.arrivals(clock.left, observer.look)), clock, observer)


def _import_sdk() -> None:
    # Any of them would be sent (organisation, project, headers), or change where the request goes.
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        del os.environ[name]
    with lean_openai(aiohttp=False):
        import openai  # noqa: F401  for its effect: later imports find it loaded


def _events(arrivals: Iterator[Head | bytes], clock: Clock, observer: Observer) -> Iterator[Event]:
    head = next(arrivals)
    assert isinstance(head, Head)  # noqa: S101  the thread says so first, or raises
    source = head.source
    observer.note(f"HTTP {source.http}, {head.content_type or 'no content type'}, trace {source.request_id}")
    try:
        yield from _answer(head, arrivals, clock)
    except MmpipeError as error:
        # Whatever goes wrong from here on, the service's support can look it up.
        error.request_id = error.request_id or source.request_id
        raise


def _answer(head: Head, arrivals: Iterator[Head | bytes], clock: Clock) -> Iterator[Event]:
    source = head.source
    if head.content_type == "text/event-stream":
        yield from _streamed(arrivals, clock, source)
        return
    body = _joined(arrivals, clock)
    if not body.strip():
        raise BadResponse("the service sent an empty answer")
    if head.content_type not in ("application/json", ""):
        shown = one_line(body[:400].decode(errors="replace"), 60)
        raise BadResponse(f"the service sent {one_line(head.content_type, 40)} instead of an answer: {shown}")
    yield from decode(body, source)


def _streamed(arrivals: Iterator[Head | bytes], clock: Clock, source: Source) -> Iterator[Event]:
    decoder = StreamDecoder(source)
    try:
        for received in arrivals:
            assert isinstance(received, bytes)  # noqa: S101  the head came first
            before = decoder.chunks
            yield from decoder.feed(received)
            if decoder.ended:
                break
            if decoder.chunks > before:
                # A comment is no progress: some servers send one for ever.
                clock.progress(_LINGER if decoder.finished else None)
    except (NetworkError, TimedOut, BadResponse):
        # Once the finish_reason is there the answer is whole, however the connection ends.
        if not decoder.finished:
            raise
    yield from decoder.close()


def _joined(arrivals: Iterator[Head | bytes], clock: Clock) -> bytes:
    body = bytearray()
    for received in arrivals:
        assert isinstance(received, bytes)  # noqa: S101  the head came first
        if received.strip():
            # Spaces before the answer are no more progress than comments are.
            clock.progress()
        body += received
        if len(body) > MAX_ANSWER:
            raise BadResponse(f"the answer is longer than {MAX_ANSWER} bytes")
    return bytes(body)


def _perform(request: Request, endpoint: Endpoint, limits: Limits, put: Callable[[Arrival], None]) -> None:
    """The work of the exchange's thread: send the request, pass on what arrives."""
    import httpx2
    import openai

    headers: dict[str, str | openai.Omit] = {
        "Accept": "text/event-stream" if request.streamed else "application/json",
        # What is compressed cannot be told from a bomb before it is unpacked, and text is short.
        "Accept-Encoding": "identity",
        # The SDK's telemetry, as far as `platform_headers` does not bring it.
        **dict.fromkeys(_TELEMETRY, openai.omit),
    }
    with _client(endpoint, limits, put) as client:
        response = client.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=request.body(),
            options={"headers": headers},
            stream=True,
            stream_cls=None,
        )
        assert isinstance(response, httpx2.Response)  # noqa: S101  what cast_to asks for
        with closing(response):
            put(Head(_source(response), _content_type(response)))
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
    timeout = openai.Timeout(max(limits.idle, limits.first_byte) + _LINGER, connect=limits.connect + _LINGER)
    transport = openai.DefaultHttpxClient(
        verify=_tls(endpoint),
        # A proxy of the environment cannot reach this machine's loopback.
        trust_env=not endpoint.is_loopback,
        follow_redirects=False,
        timeout=timeout,
        event_hooks={"request": [_tracer(put)], "response": [_bound]},
    )
    return Client(
        api_key=endpoint.key,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=timeout,
        http_client=transport,
    )


def _tls(endpoint: Endpoint) -> "ssl.SSLContext | bool":
    if endpoint.is_loopback:
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

    if response.headers.get("content-encoding", "identity") != "identity":
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


def _source(response: "httpx2.Response") -> Source:
    headers = response.headers
    now = parse_date(headers.get("date")) or time.time()
    return Source(
        http=response.status_code,
        request_id=headers.get("trace-id") or headers.get("minimax-request-id"),
        retry_after=parse_retry_after(headers.get("retry-after"), now=now),
        now=now,
    )


def _explained(error: Exception) -> Exception:
    """An error of the SDK, or of what is below it, in our words; a bug stays what it is."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_error(error.response)
    return explain(error) or error


def _status_error(response: "httpx2.Response") -> MmpipeError:
    source = _source(response)
    try:
        body = parse(response.content, source)
    except BadResponse:
        body = None
    return from_status(source, body)
