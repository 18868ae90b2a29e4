"""Serve the simulator over HTTP on loopback; all of its input and output is here."""

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
from dataclasses import dataclass
from types import TracebackType
from typing import Self, assert_never

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mmpipe.simulator.endpoint import Incoming, Response, respond
from mmpipe.simulator.headers import Trace
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.profile import Profile
from mmpipe.simulator.rate_limit import RateLimit
from mmpipe.simulator.record import append, append_record, masked, readable
from mmpipe.simulator.steps import Drop, Head, Send, Stall, Step, Wait, paced

_HOST = "127.0.0.1"
_POLL_S = 0.05
_GRACE_S = 0.1
_START_S = 30.0
_SETTLE_S = 1.0
_TURNS = 10
_BACKLOG = 1024


class RunningSimulator:
    """A simulator in a thread of its own, for as long as the ``with`` block lasts.

    One that may run for ever should not remember its requests; the log has them.
    """

    def __init__(self, profile: Profile | None = None, *, remember: bool = True) -> None:
        self._service = _Service(profile or Profile(), remember=remember)
        self._started: Future[_Listening] = Future()
        self._thread = threading.Thread(target=self._run, name="mmpipe-simulator", daemon=True)

    @property
    def base_url(self) -> str:
        """Where the API is, ``/v1`` included."""
        return self._started.result(_START_S).base_url

    @property
    def requests(self) -> list[Json]:
        """The records so far; waits a moment for what is still being answered."""
        deadline = time.monotonic() + _SETTLE_S
        while self._service.in_flight and time.monotonic() < deadline:
            time.sleep(_POLL_S / 10)
        return list(self._service.records)

    @property
    def in_flight(self) -> int:
        """How many requests have come whose answers have not ended."""
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
    """A server that accepts connections."""

    base_url: str
    end: Callable[[], object]


async def _listen(service: "_Service", started: Future[_Listening]) -> None:
    if service.profile.log:
        append(service.profile.log, b"")
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    listener = socket.create_server((_HOST, service.profile.port), backlog=_BACKLOG)
    runner = _runner(service)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        url = f"http://{_HOST}:{listener.getsockname()[1]}/v1"
        started.set_result(_Listening(url, lambda: loop.call_soon_threadsafe(ending.set)))
        await ending.wait()
        # A connection accepted a moment ago needs some turns of the loop to become known to the runner, which
        # would not close it otherwise.
        loop.remove_reader(listener)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
    finally:
        await runner.cleanup()


def _runner(service: "_Service") -> web.AppRunner:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    application.on_response_prepare.append(_without_server_name)
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_ours)
    return web.AppRunner(
        application,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=_GRACE_S,
        access_log=None,
        logger=logger,
    )


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether an error in the log is one of the simulator, and not a client that speaks no HTTP."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _without_server_name(_request: web.Request, response: web.StreamResponse) -> None:
    # The API does not say what serves it (FACTS.md, "Headers").
    response.headers.popall("Server", None)


class _Service:
    """The state of one run: how many requests came, and what became of them."""

    def __init__(self, profile: Profile, *, remember: bool) -> None:
        self.profile = profile
        self.records: deque[Json] = deque(maxlen=None if remember else 0)
        self.in_flight = 0
        self._numbers = itertools.count(1)
        self._limit = RateLimit(profile.rpm)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        trace = Trace(self.profile.seed, next(self._numbers), time.time())
        exchange = _Exchange(request, trace, time.monotonic())
        self.in_flight += 1
        try:
            # A client that goes away is no error here; the record tells of it.
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
        steps = paced(exchange.response.steps, self.profile.tps, self.profile.latency)
        await exchange.connection.perform(steps)

    def _keep(self, record: Json) -> None:
        self.records.append(record)
        if self.profile.log:
            append_record(self.profile.log, record)


class _Exchange:
    """One request and its answer, as they will be recorded."""

    def __init__(self, request: web.Request, trace: Trace, started: float) -> None:
        self.trace = trace
        self.connection = _Connection(request)
        self.response: Response | None = None
        self._request = request
        self._started = started
        self._raw = b""

    async def read(self) -> Incoming:
        self._raw = await self._request.content.read()
        return Incoming(
            self._request.method, self._request.path, self._request.headers.get("Authorization"), self._raw
        )

    def record(self) -> Json:
        fault = self.response.fault if self.response else None
        return {
            "time": self.trace.now,
            "method": self._request.method,
            "path": self._request.path,
            "headers": masked(self._request.headers),
            "body": readable(self._raw),
            "status": self.connection.status,
            "fault": fault.name if fault else None,
            "answered": self.connection.answered,
            "duration": round(time.monotonic() - self._started, 6),
        }


class _Connection:
    """The way back to a client."""

    def __init__(self, request: web.Request) -> None:
        self.response = web.StreamResponse()
        self.status: int | None = None
        self.answered = False
        self._request = request

    async def perform(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Head():
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

    async def _begin(self, head: Head) -> None:
        self.response = web.StreamResponse(status=head.status, headers=head.headers)
        self.response.content_length = head.length
        self.status = head.status
        await self.response.prepare(self._request)

    def _drop(self, *, reset: bool) -> None:
        transport = self._request.transport
        if not transport:
            return
        if reset:
            # Lingering for no time at all makes the kernel send RST.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            transport.close()
