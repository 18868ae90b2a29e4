"""Serve the simulator over HTTP on loopback; the only module of the simulator with input and output."""

import asyncio
import itertools
import logging
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Self, assert_never

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mmpipe.dataclass import dataclass
from mmpipe.simulator.endpoint import PlannedResponse, ReceivedRequest, respond
from mmpipe.simulator.headers import RequestTrace
from mmpipe.simulator.hosts import is_local
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.rate_limit import RateLimit
from mmpipe.simulator.record import append_line, append_record, decode_body, mask_secrets
from mmpipe.simulator.steps import Drop, Send, SendHead, Stall, Step, Wait, pace
from mmpipe.text.sizes import MAX_REQUEST

_HOST = "127.0.0.1"
_POLL_S = 0.05
_GRACE_S = 0.1
_START_S = 30.0
_SETTLE_S = 1.0
_TURNS = 10
_BACKLOG = 1024


class RunningSimulator:
    """A simulator in a thread of its own, until the ``with`` block ends.

    With ``remember=False`` the requests are only in the log: for a simulator that may run for ever.
    """

    def __init__(self, profile: SimulatorProfile | None = None, *, remember: bool = True) -> None:
        self._service = _Service(profile or SimulatorProfile(), remember=remember)
        self._started: Future[_Listening] = Future()
        self._thread = threading.Thread(target=self._run, name="mmpipe-simulator", daemon=True)

    @property
    def base_url(self) -> str:
        """The base URL of the API, with ``/v1``."""
        return self._started.result(_START_S).base_url

    @property
    def requests(self) -> list[Json]:
        """The records so far; waits up to a second for answers that have not ended."""
        deadline = time.monotonic() + _SETTLE_S
        while self._service.in_flight and time.monotonic() < deadline:
            time.sleep(_POLL_S / 10)
        return list(self._service.records)

    @property
    def authorizations(self) -> list[str | None]:
        """The Authorization header of each request so far; records and log have none of it."""
        return list(self._service.authorizations)

    @property
    def in_flight(self) -> int:
        """The number of requests whose answers have not ended."""
        return self._service.in_flight

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(_START_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.result(_START_S).end()
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(_listen(self._service, self._started))
        except OSError as error:
            self._started.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Listening:
    """The address of a started server, and a function that stops the server."""

    base_url: str
    end: Callable[[], object]


async def _listen(service: "_Service", started: Future[_Listening]) -> None:
    if service.profile.log:
        append_line(service.profile.log, b"")
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    listener = socket.create_server((_HOST, service.profile.port), backlog=_BACKLOG)
    runner = _runner(service)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        url = f"http://{_HOST}:{listener.getsockname()[1]}/v1"
        started.set_result(_Listening(url, lambda: loop.call_soon_threadsafe(ending.set)))
        await ending.wait()
        # The runner knows a newly accepted connection only after some turns of the loop, and closes what it knows.
        loop.remove_reader(listener)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
    finally:
        await runner.cleanup()


def _runner(service: "_Service") -> web.AppRunner:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    application.on_response_prepare.append(_remove_own_headers)
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_own_error)
    return web.AppRunner(
        application,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=_GRACE_S,
        access_log=None,
        logger=logger,
    )


def _is_own_error(record: logging.LogRecord) -> bool:
    """Return False for the error of a client that does not speak HTTP, True for any other."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _remove_own_headers(_request: web.Request, response: web.StreamResponse) -> None:
    # The API sends no Server header (FACTS.md, "Headers").
    response.headers.popall("Server", None)
    # The type that aiohttp adds where there is none.
    if response.headers.get("Content-Type") == "application/octet-stream":
        response.headers.popall("Content-Type")


class _Service:
    """The state of one run: the number of requests, and their records."""

    def __init__(self, profile: SimulatorProfile, *, remember: bool) -> None:
        self.profile = profile
        self.records: deque[Json] = deque(maxlen=None if remember else 0)
        self.authorizations: deque[str | None] = deque(maxlen=None if remember else 0)
        self.in_flight = 0
        self._numbers = itertools.count(1)
        self._limit = RateLimit(profile.rpm)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        trace = RequestTrace(self.profile.seed, next(self._numbers), time.time())
        exchange = _Exchange(request, trace, time.monotonic())
        self.in_flight += 1
        self.authorizations.append(request.headers.get("Authorization"))
        try:
            # A client that goes away is no error here: the record has `answered: false`.
            with suppress(ConnectionError):
                await self._answer(exchange)
        finally:
            self._keep(exchange.record())
            self.in_flight -= 1
        return exchange.connection.response

    async def _answer(self, exchange: "_Exchange") -> None:
        incoming = await exchange.read()
        admitted = self._limit.admits(time.monotonic())
        exchange.response = respond(incoming, self.profile, exchange.trace, admitted=admitted)
        steps = pace(exchange.response.steps, self.profile.tps, self.profile.latency)
        await exchange.connection.perform(steps)

    def _keep(self, record: Json) -> None:
        self.records.append(record)
        if self.profile.log:
            append_record(self.profile.log, record)


class _Exchange:
    """One request and its answer, for the record."""

    def __init__(self, request: web.Request, trace: RequestTrace, started: float) -> None:
        self.trace = trace
        self.connection = _Connection(request)
        self.response: PlannedResponse | None = None
        self._request = request
        self._started = started
        self._raw = b""

    async def read(self) -> ReceivedRequest:
        refused_with = await self._read_body() if is_local(self._request.headers.get("Host")) else 421
        # What was not read would be taken for the next request.
        self.connection.is_last = refused_with is not None
        authorization = self._request.headers.get("Authorization")
        return ReceivedRequest(
            self._request.method, self._request.path, authorization, self._raw, refused_with
        )

    async def _read_body(self) -> int | None:
        """Read the body of any sender, up to the limit of the service; return the status for a longer one."""
        if (self._request.content_length or 0) > MAX_REQUEST:
            return 413
        body = bytearray()
        async for piece in self._request.content.iter_any():
            body += piece
            if len(body) > MAX_REQUEST:
                return 413
        self._raw = bytes(body)
        return None

    def record(self) -> Json:
        fault = self.response.fault if self.response else None
        return {
            "time": self.trace.now,
            "method": self._request.method,
            "path": self._request.path,
            "headers": mask_secrets(self._request.headers),
            "body": decode_body(self._raw),
            "status": self.connection.status,
            "fault": fault.name if fault else None,
            "answered": self.connection.answered,
            "duration": round(time.monotonic() - self._started, 6),
        }


class _Connection:
    """A connection to a client: performs the steps of an answer."""

    def __init__(self, request: web.Request) -> None:
        self.response = web.StreamResponse()
        self.status: int | None = None
        self.answered = False
        self.is_last = False
        self._request = request

    async def perform(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case SendHead():
                    await self._begin(step)
                case Send(data):
                    await self.response.write(data)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Stall():
                    await asyncio.Event().wait()
                case Drop(reset):
                    self._drop(reset=reset)
                    return
                case _:
                    assert_never(step)
        await self.response.write_eof()
        self.answered = True

    async def _begin(self, head: SendHead) -> None:
        self.response = web.StreamResponse(status=head.status, headers=head.headers)
        self.response.content_length = head.length
        self.status = head.status
        if self.is_last:
            self.response.force_close()
        await self.response.prepare(self._request)

    def _drop(self, *, reset: bool) -> None:
        transport = self._request.transport
        if not transport:
            return
        if reset:
            # With a linger time of zero the kernel sends RST.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
