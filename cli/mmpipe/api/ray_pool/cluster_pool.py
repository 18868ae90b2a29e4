"""Asks many at once over the workers of a cluster: the driver's side, whatever the transport.

The engine above does not know that its requests travel. A request whose worker is lost fails as on a broken network, is
retried by the engine, and goes to another worker; what the lost worker may still answer is dropped.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import count
from typing import Any, Final, Self

from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.api.encoded_request import encode_request
from mmpipe.api.ray_pool.fleet import Fleet, FleetWorker
from mmpipe.api.ray_pool.greeting import Greeting
from mmpipe.api.ray_pool.pending_request import PendingRequest
from mmpipe.api.ray_pool.pool_times import PoolReports, PoolTimes
from mmpipe.api.ray_pool.transport import (
    EndWorker,
    GroupArrived,
    NodesSeen,
    OpenTransport,
    Report,
    SendGroup,
    StartWorker,
    Transport,
    WorkerGone,
    WorkerGreets,
)
from mmpipe.api.ray_pool.values import ClusterRequest, ClusterResult, pack_questions, unpack_results
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import (
    AuthError,
    BrokenPool,
    Interrupted,
    MmpipeError,
    NetworkError,
    UsageError,
)

_CONNECTS: Final = 3  # attempts at the beginning; a busy machine may be too slow for Ray's own limits


class ClusterPool:
    """Requests to one endpoint over the workers that `open_transport` leads to; entered inside the event loop that uses it."""

    def __init__(
        self,
        endpoint: Endpoint,
        greeting: Greeting,
        open_transport: OpenTransport,
        times: PoolTimes,
        reports: PoolReports,
    ) -> None:
        self._endpoint, self._expected = endpoint, greeting
        self._open_transport, self._times, self._reports = open_transport, times, reports
        self._fleet = Fleet[PendingRequest](times.fleet)
        self._transport: Transport | None = None
        self._numbers = count()
        self._outbox: list[PendingRequest] = []
        self._is_due = False
        self._first: set[int] | None = None  # workers of the first nodes that have not begun yet
        self._alone = 0.0  # seconds without a worker
        self._begun_for = 0.0  # seconds with one
        self._last_loss = ""
        self._ended: MmpipeError | None = None

    async def __aenter__(self) -> Self:
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks = [self._start(self._keep_connected()), self._start(self._watch())]
        reporting = asyncio.get_running_loop().call_later(self._times.reported, self._reports.slow_start)
        try:
            await self._begun
        except BaseException:
            await self.__aexit__()
            raise
        finally:
            reporting.cancel()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def is_ready(self) -> bool:
        """True if a worker takes requests now, and after the end of the run, when each fails at once."""
        now = asyncio.get_running_loop().time()
        return self._ended is not None or any(self._fleet.takers(now))

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        """The events of one attempt, by some worker; raises an MmpipeError."""
        if self._ended is not None:
            raise self._ended.derived()
        encoded = encode_request(request, self._endpoint)
        question = ClusterRequest(next(self._numbers), encoded, limits, observer.takes_bytes)
        answer: asyncio.Future[ClusterResult] = asyncio.get_running_loop().create_future()
        self._outbox.append(PendingRequest(question, answer))
        self._send_soon()
        result = await answer
        result.replay(observer)
        if result.error is not None:
            raise result.error
        return result.events

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task; if it fails, so does the run."""

        async def guarded() -> None:
            try:
                await work
            except (Exception, Interrupted) as error:  # noqa: BLE001  the boundary of a task: nobody awaits it
                # Before the run handles signals, one may meet this task at its work.
                if not self._begun.done():
                    self._begun.set_exception(error)
                elif isinstance(error, Exception):
                    self._end(BrokenPool.of_bug(error))

        return asyncio.create_task(guarded())

    # Requests out, in groups.

    def _send_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(self._times.group, self._send)

    def _send(self) -> None:
        """Deal all waiting requests out, each to the worker with the fewest; without a worker they go on waiting."""
        self._is_due = False
        now = asyncio.get_running_loop().time()
        takers = [*self._fleet.takers(now)]
        if not takers or self._transport is None:
            return
        dealt: dict[int, list[ClusterRequest]] = {}
        for pending in self._outbox:
            if not pending.answer.done():
                worker = min(takers, key=lambda worker: len(worker.in_flight))
                worker.in_flight[pending.question.number] = pending
                dealt.setdefault(worker.number, []).append(pending.question)
                self._fleet.expect(worker, now)
        self._outbox.clear()
        for number, questions in dealt.items():
            for group in pack_questions(questions):
                self._transport.send(SendGroup(number, group))

    # Reports in.

    async def _keep_connected(self) -> None:
        """Hold the way to the cluster open, and open it again when it is lost, until the run ends."""
        attempts = 0
        while True:
            attempts += 1
            try:
                async with self._open_transport() as self._transport:
                    while True:
                        self._take(await self._transport.receive())
            except (MmpipeError, OSError) as error:
                self._transport = None
                for worker in self._fleet.lose_all():
                    self._drop(worker, str(error))
                self._note_loss(f"the cluster is lost: {error}")
                if not self._begun.done():
                    if isinstance(error, OSError):
                        raise
                    if not error.retryable or attempts >= _CONNECTS:
                        return self._end(error)
            await asyncio.sleep(self._times.tick)

    def _take(self, report: Report) -> None:
        match report:
            case NodesSeen(names):
                for worker in self._fleet.see_nodes(names):
                    self._lose(worker.number, "the node is gone")
                self._start_missing()
            case WorkerGreets(number, greeting):
                self._greet(number, Greeting.unpack(greeting))
            case GroupArrived(number, group):
                found = self._fleet.hear(number)
                # What a lost worker says comes too late: its requests are asked elsewhere.
                if found is not None and group:
                    self._settle(found, group)
            case WorkerGone(number, reason, is_unfit, is_bug):
                lost = self._fleet.workers.get(number)
                if lost is not None and is_bug:
                    self._end(BrokenPool(f"a bug in mmpipe, on node {lost.place}: {reason}"))
                elif lost is not None and is_unfit and not self._begun.done():
                    self._end(UsageError(f"node {lost.place} cannot run a worker: {reason}"))
                self._lose(number, reason)
        if self._outbox:
            self._send_soon()
        self._begin_if_ready()

    def _settle(self, worker: "FleetWorker[PendingRequest]", group: bytes) -> None:
        for result in unpack_results(group):
            pending = worker.in_flight.pop(result.number, None)
            if pending is not None and not pending.answer.done():
                pending.answer.set_result(result)

    def _greet(self, number: int, greeting: Greeting) -> None:
        worker = self._fleet.workers.get(number)
        if worker is None:
            return
        try:
            greeting.check(self._expected, worker.place)
        except MmpipeError as error:
            if self._begun.done() and not isinstance(error, AuthError):
                # The run has other nodes.
                self._lose(number, error.message)
            else:
                self._end(error)
            return
        self._fleet.greet(number)

    def _begin_if_ready(self) -> None:
        """Begin when the workers of all first nodes have begun, or were given up."""
        if self._begun.done() or self._first is None:
            return
        self._first &= {number for number, worker in self._fleet.workers.items() if not worker.is_ready}
        if not self._first and self._fleet.ready:
            self._begun.set_result(None)

    # Workers come and go.

    def _start_missing(self) -> None:
        if self._transport is None:
            return
        for worker in self._fleet.start_missing():
            self._transport.send(StartWorker(worker.number, worker.node))
        if self._first is None and self._fleet.workers:
            self._first = set(self._fleet.workers)

    def _lose(self, number: int, reason: str) -> "FleetWorker[PendingRequest] | None":
        """Give a worker up: end it, and fail its requests, so that they are retried elsewhere."""
        worker = self._fleet.lose(number)
        if worker is not None:
            if self._transport is not None:
                self._transport.send(EndWorker(number))
            self._drop(worker, reason)
        return worker

    def _drop(self, worker: "FleetWorker[PendingRequest]", reason: str) -> None:
        sentence = f"the worker on node {worker.place} is lost: {reason}"
        self._note_loss(sentence)
        for pending in worker.in_flight.values():
            pending.fail(NetworkError(sentence, retryable=True))

    def _note_loss(self, sentence: str) -> None:
        if sentence != self._last_loss:
            self._last_loss = sentence
            self._reports.loss(sentence)

    async def _watch(self) -> None:
        """Look each tick after silent workers, missing workers, and the time that is left."""
        while True:
            await asyncio.sleep(self._times.tick)
            for worker in self._fleet.tick():
                self._lose(
                    worker.number, "it has stopped answering" if worker.is_ready else "it does not begin"
                )
            self._start_missing()
            self._expire()
            if not self._fleet.ready:
                self._alone += self._times.tick
                error = self._times.find_end(self._alone, self._last_loss, has_begun=self._begun.done())
                if error is not None:
                    self._end(error)
                continue
            self._alone = 0.0
            self._begun_for += self._times.tick
            if self._first and self._begun_for > self._times.slow:
                # The others may come later.
                self._first.clear()
                self._begin_if_ready()

    def _expire(self) -> None:
        """Fail the requests whose time is over: those that wait for a worker, and those that their worker has forgotten."""
        for pending in self._outbox:
            pending.expire_unsent()
        for worker in self._fleet.workers.values():
            for pending in worker.in_flight.values():
                pending.expire_sent()

    def _end(self, error: MmpipeError) -> None:
        """End the run with an error: each request that waits, and each that is still to come, fails with it."""
        self._ended = self._ended or error
        if not self._begun.done():
            self._begun.set_exception(error)
        waiting = [
            *self._outbox,
            *(one for worker in self._fleet.workers.values() for one in worker.in_flight.values()),
        ]
        for pending in waiting:
            pending.fail(error.derived())
