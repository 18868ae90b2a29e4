"""A cluster inside the tests' process: workers like those of a real one, over a transport without Ray, which can be broken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.api.encoded_request import EncodedRequest
from mmpipe.api.ray_pool.greeting import WorkerTerms
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
from mmpipe.api.ray_pool.worker import ClusterWorker
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError

# Answers one request of a worker; the node is the second argument.
Answer = Callable[[EncodedRequest, str, Observer], Awaitable[Sequence[Event]]]


@dataclass
class ClusterInProcess:
    """Nodes by name. A `mute` one reports nothing, as if it were cut off; what was sent to it arrives all the same."""

    answer: Answer
    terms: WorkerTerms
    nodes: list[str] = field(default_factory=lambda: ["a"])
    unfit: dict[str, str] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        self._reports: asyncio.Queue[Report | MmpipeError] = asyncio.Queue()
        self._late: list[Report] = []
        self._workers: dict[int, tuple[ClusterWorker, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ClusterInProcess"]:
        if self.failure is not None:
            raise self.failure
        self.see(*self.nodes)
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()

    def send(self, order: Order) -> None:
        self.orders.append(order)
        match order:
            case StartWorker(worker, node) if node in self.unfit:
                self._reports.put_nowait(WorkerGone(worker, self.unfit[node], is_unfit=True))
            case StartWorker(worker, node):
                pool = ScriptedPool(self.answer, node)
                self._workers[worker] = ClusterWorker(self.terms, lambda *_: pool, heartbeat=0.01), node
                self._start(self._attend(worker))
            case SendGroup(worker, group):
                if worker in self._workers:
                    self._start(self._workers[worker][0].submit(group))
            case EndWorker():
                pass  # One that is cut off goes on.

    async def receive(self) -> Report:
        report = await self._reports.get()
        if isinstance(report, MmpipeError):
            raise report
        return report

    def see(self, *nodes: str) -> None:
        """Report these nodes as the living ones."""
        self.nodes = list(nodes)
        self._reports.put_nowait(NodesSeen({node: f"node-{node}" for node in nodes}))

    def lose(self, worker: int, reason: str = "it was killed") -> None:
        """Let a worker end."""
        self._workers.pop(worker)
        self._reports.put_nowait(WorkerGone(worker, reason))

    def report(self, report: Report) -> None:
        """Report whatever it may be."""
        self._reports.put_nowait(report)

    def break_off(self, error: MmpipeError) -> None:
        """Lose the whole cluster."""
        self._workers.clear()
        self._reports.put_nowait(error)

    def hear_again(self, node: str) -> None:
        """Report late what a mute node has said meanwhile."""
        self.mute.discard(node)
        for report in self._late:
            self._reports.put_nowait(report)
        self._late.clear()

    @property
    def late(self) -> list[Report]:
        """What mute nodes have said, heartbeats left out."""
        return [report for report in self._late if not isinstance(report, GroupArrived) or report.group]

    async def _attend(self, number: int) -> None:
        worker, node = self._workers[number]
        self._report(node, WorkerGreets(number, await worker.greet()))
        while number in self._workers:
            group = await worker.take()
            if number in self._workers:
                self._report(node, GroupArrived(number, group))

    def _report(self, node: str, report: Report) -> None:
        if node in self.mute:
            self._late.append(report)
        else:
            self._reports.put_nowait(report)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class ScriptedPool:
    """The local pool of a worker; the service is a function."""

    def __init__(self, answer: Answer, node: str) -> None:
        self._answer, self._node = answer, node

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def ask_encoded(
        self, request: EncodedRequest, limits: Limits, observer: Observer = UNOBSERVED
    ) -> Sequence[Event]:
        assert limits.seconds_left > 0
        return await self._answer(request, self._node, observer)


def resolve(endpoint: Endpoint) -> Endpoint:
    """What a worker finds in its own settings."""
    return endpoint
