"""The rate is held while workers of a cluster are frozen and lost; no permit is kept for the time after that."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from mmpipe.api.ray_pool.cluster_pool import ClusterPool
from mmpipe.api.ray_pool.fleet import FleetLimits
from mmpipe.api.ray_pool.greeting import Greeting
from mmpipe.api.ray_pool.pool_times import PoolReports, PoolTimes
from mmpipe.api.ray_pool.transport import (
    EndWorker,
    GroupArrived,
    NodesSeen,
    Order,
    Report,
    SendGroup,
    StartWorker,
    WorkerGone,
    WorkerGreets,
)
from mmpipe.api.ray_pool.values import ClusterResult, join_groups, pack_result, unpack_questions
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import LocalLimiter
from mmpipe.batch.pace.permits import Permits, WaitLimit
from mmpipe.batch.pace.ready_permits import ReadyPermits
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import NetworkError
from support.virtual_time import run_at_once

ENDPOINT = Endpoint("https://host/v1", None)
GREETING = Greeting.of(ENDPOINT, b"salt")
REQUEST = Request("m", ({"role": "user", "content": "x"},))
SILENT = PoolReports(lambda: None, lambda _: None)
AT_ONCE, LATENCY, START = 100, 0.005, 5.0


@dataclass
class FrozenWorkers:
    """A cluster in virtual time, whose workers can be frozen and killed; `sent` are the times of their requests."""

    sent: list[float] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._reports: asyncio.Queue[Report] = asyncio.Queue()
        self._runs = asyncio.Event()
        self._runs.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FrozenWorkers"]:
        self._reports.put_nowait(NodesSeen({"a": "node-a"}))
        yield self

    async def receive(self) -> Report:
        return await self._reports.get()

    def send(self, order: Order) -> None:
        match order:
            case StartWorker(worker):
                self._start(self._begin(worker))
            case SendGroup(worker, group):
                self._start(self._take(worker, group))
            case EndWorker(worker):
                self.alive.discard(worker)

    def freeze(self) -> None:
        self._runs.clear()

    def thaw(self) -> None:
        self._runs.set()

    def kill(self) -> None:
        for worker in self.alive:
            self._reports.put_nowait(WorkerGone(worker, "it was killed"))
        self.alive.clear()

    async def _begin(self, worker: int) -> None:
        await asyncio.sleep(START)
        self.alive.add(worker)
        self._reports.put_nowait(WorkerGreets(worker, GREETING.pack()))
        while worker in self.alive:
            await self._report(worker, b"")
            await asyncio.sleep(3)

    async def _take(self, worker: int, group: bytes) -> None:
        await asyncio.sleep(LATENCY)
        await self._runs.wait()
        if worker in self.alive:
            for question in unpack_questions(group):
                self.sent.append(asyncio.get_running_loop().time())
                self._start(self._answer(worker, question.number))
            await self._report(worker, b"")

    async def _answer(self, worker: int, number: int) -> None:
        await asyncio.sleep(0.5)
        (group,) = join_groups([pack_result(ClusterResult(number, ()))])
        await self._report(worker, group)

    async def _report(self, worker: int, group: bytes) -> None:
        await self._runs.wait()
        await asyncio.sleep(LATENCY)
        if worker in self.alive:
            self._reports.put_nowait(GroupArrived(worker, group))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


Event = tuple[float, Callable[[FrozenWorkers], None]]


def most_in_a_minute(times: Sequence[float]) -> int:
    return max(sum(start <= time <= start + 60 for time in times) for start in times)


async def keep_asking(permits: ReadyPermits, pool: ClusterPool, stop: StopSignal) -> None:
    while await permits.acquire(REQUEST, stop) is not None:
        try:
            await pool.ask(REQUEST, Limits(1, 1, 1, 10**9))
        except NetworkError:
            await stop.within(1)


async def times_of_requests(workers: int, events: Sequence[Event], seconds: float) -> list[float]:
    """The times at which the service is asked by so many workers, while what befalls them happens at its time."""
    loop, cluster, stop = asyncio.get_running_loop(), FrozenWorkers(), StopSignal()
    limiter = LocalLimiter(Rates(requests=600), clock=loop.time)
    permits = Permits([limiter], lambda _: 0.0, WaitLimit(600, print))
    times = PoolTimes(600, fleet=FleetLimits(per_node=workers))
    async with ClusterPool(ENDPOINT, GREETING, cluster.open, times, SILENT) as pool:
        ready = ReadyPermits(permits, lambda: pool.is_ready)
        asking = [asyncio.create_task(keep_asking(ready, pool, stop)) for _ in range(AT_ONCE)]
        for when, event in events:
            loop.call_later(when, event, cluster)
        await asyncio.sleep(seconds)
        stop.set()
        await asyncio.wait(asking)
    return cluster.sent


def freezes(seconds: float) -> Sequence[Event]:
    return (10, FrozenWorkers.freeze), (10 + seconds, FrozenWorkers.thaw)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "events"),
    [(1, freezes(12)), (20, freezes(12)), (1, freezes(40)), (1, [(10, FrozenWorkers.kill)])],
    ids=["frozen", "all of many frozen", "frozen for long", "killed"],
)
def test_no_minute_has_more_than_605_requests_at_600_whatever_befalls_the_workers(
    workers: int, events: Sequence[Event]
) -> None:
    sent = run_at_once(times_of_requests(workers, events, 85 + events[-1][0]))
    assert 605 >= most_in_a_minute(sent)
    # With its worker back, or another one in its place, the run uses its rate to the full.
    assert 598 <= sum(time > max(sent) - 60 for time in sent)


def test_a_run_that_stops_waits_for_no_worker() -> None:
    async def scene() -> list[float | None]:
        stop = StopSignal()
        permits = ReadyPermits(Permits([], lambda _: 0.0, WaitLimit(600, print)), lambda: False)
        waiting = [asyncio.create_task(permits.acquire(REQUEST, stop)) for _ in range(3)]
        await asyncio.sleep(1)
        stop.set()
        return await asyncio.gather(*waiting)

    assert [None] * 3 == run_at_once(scene())


def test_the_tokens_of_a_permit_that_came_too_late_are_given_back() -> None:
    async def scene() -> float:
        limiter = LocalLimiter(Rates(tokens=600), clock=asyncio.get_running_loop().time)
        looks = iter([True, False])
        permits = ReadyPermits(
            Permits([limiter], lambda _: 100.0, WaitLimit(600, print)), lambda: next(looks, True)
        )
        await permits.acquire(REQUEST, StopSignal())
        return limiter.reserve(0)

    # The debt of the one permit that was used.
    assert 10 == pytest.approx(run_at_once(scene()), abs=1)
