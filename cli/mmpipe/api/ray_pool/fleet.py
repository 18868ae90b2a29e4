"""The workers of a run, and the nodes that they are on: which live, which are lost, which are to be started. No I/O.

Time is counted in ticks of the pool, and not by a clock: after a pause of this process (Ctrl-Z, a busy machine) everybody
would seem to have been silent. Only the time in which a worker confirms its work is that of a clock.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import count
from typing import Final, Generic, TypeVar

from mmpipe.dataclass import dataclass

Work = TypeVar("Work")  # what a worker has in flight

# Seconds. Requests that gather at a worker that is frozen or cut off are sent together later, on top of the rate: as many
# as the rate allows in this time (`batch/pace/gcra.py` leaves as much for that).
CONFIRMED: Final = 0.25


@dataclass(frozen=True, slots=True)
class FleetLimits:
    """The workers on each node, and waits in ticks.

    A worker that answers nothing for `silence` is lost, and so is one that has not begun after `start`. After the nth
    failure in a row a node gets its next worker after 2**n ticks, at most `rest`.
    """

    per_node: int = 1
    silence: int = 15
    start: int = 180
    rest: int = 30


@dataclass(slots=True)
class FleetWorker(Generic[Work]):
    """One worker: its number, its node, the ticks since it was heard of, and the work that it has, by number.

    `place` names the node for people. `awaited_since` is the time of the first work that it was sent since it was heard of.
    """

    number: int
    node: str
    place: str
    is_ready: bool = False
    silent: int = 0
    awaited_since: float | None = None
    in_flight: dict[int, Work] = field(default_factory=dict)

    def takes_work(self, now: float) -> bool:
        """Return true unless it has not begun, or has not confirmed the work that it was sent some time ago."""
        return self.is_ready and not _is_overdue(self.awaited_since, now)


@dataclass(slots=True)
class _Node:
    name: str
    failures: int = 0
    rest: int = 0


class Fleet(Generic[Work]):
    """All workers by number, and all living nodes by id."""

    def __init__(self, limits: FleetLimits) -> None:
        self._limits = limits
        self._nodes: dict[str, _Node] = {}
        self._numbers = count()
        self._awaited_since: float | None = None  # as that of a worker, for all together
        self.workers: dict[int, FleetWorker[Work]] = {}

    @property
    def ready(self) -> list[FleetWorker[Work]]:
        """The workers that have begun."""
        return [worker for worker in self.workers.values() if worker.is_ready]

    def takers(self, now: float) -> Iterator[FleetWorker[Work]]:
        """Yield the workers that take work: none while nobody confirms anything, as when this machine is cut off."""
        if not _is_overdue(self._awaited_since, now):
            yield from (worker for worker in self.workers.values() if worker.takes_work(now))

    def expect(self, worker: FleetWorker[Work], now: float) -> None:
        """Note that a worker was sent work, which it confirms as soon as the work is there."""
        if worker.awaited_since is None:
            worker.awaited_since = now
        if self._awaited_since is None:
            self._awaited_since = now

    def see_nodes(self, names: Mapping[str, str]) -> list[FleetWorker[Work]]:
        """Take the nodes that live now; returns the workers of those that do not."""
        lost = [worker for worker in self.workers.values() if worker.node not in names]
        self._nodes = {node: self._nodes.get(node) or _Node(name) for node, name in names.items()}
        return lost

    def start_missing(self) -> Iterator[FleetWorker[Work]]:
        """Add and yield the workers that are to be started now."""
        counts = Counter(worker.node for worker in self.workers.values())
        for node, state in self._nodes.items():
            there = counts[node]
            for _ in range(there, self._limits.per_node if state.rest == 0 else 0):
                worker = FleetWorker[Work](next(self._numbers), node, state.name)
                self.workers[worker.number] = worker
                yield worker

    def greet(self, number: int) -> None:
        """Make a worker ready."""
        worker = self.hear(number)
        if worker is not None:
            worker.is_ready = True
            self._nodes[worker.node].failures = 0

    def hear(self, number: int) -> FleetWorker[Work] | None:
        """Note that a worker lives; returns None for one that is lost, whose words come too late."""
        worker = self.workers.get(number)
        if worker is not None:
            worker.silent, worker.awaited_since, self._awaited_since = 0, None, None
        return worker

    def lose(self, number: int) -> FleetWorker[Work] | None:
        """Remove a worker; its node rests before the next one. Returns None if it was removed before."""
        worker = self.workers.pop(number, None)
        if worker is not None and (node := self._nodes.get(worker.node)) is not None:
            node.failures += 1
            node.rest = min(2 ** min(node.failures, 16), self._limits.rest)
        return worker

    def lose_all(self) -> list[FleetWorker[Work]]:
        """Forget all nodes, and remove all workers; returns these."""
        lost = list(self.workers.values())
        self.workers, self._nodes = {}, {}
        return lost

    def tick(self) -> list[FleetWorker[Work]]:
        """Let one tick pass; returns the workers that have been silent for too long."""
        for node in self._nodes.values():
            node.rest = max(0, node.rest - 1)
        for worker in self.workers.values():
            worker.silent += 1
        return [
            worker
            for worker in self.workers.values()
            if worker.silent > (self._limits.silence if worker.is_ready else self._limits.start)
        ]


def _is_overdue(awaited_since: float | None, now: float) -> bool:
    return awaited_since is not None and now - awaited_since >= CONFIRMED
