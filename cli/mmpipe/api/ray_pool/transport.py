"""The seam between the pool and the cluster: what is ordered there, and what is reported from there."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mmpipe.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Start a worker on a node."""

    worker: int
    node: str


@dataclass(frozen=True, slots=True)
class SendGroup:
    """Pass a group of questions to a worker."""

    worker: int
    group: bytes


@dataclass(frozen=True, slots=True)
class EndWorker:
    """End a worker at once, whatever it does; nothing more is heard of it."""

    worker: int


Order = StartWorker | SendGroup | EndWorker


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """The nodes that live now: their ids, with names for people."""

    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkerGreets:
    """A worker has begun; its packed Greeting."""

    worker: int
    greeting: bytes


@dataclass(frozen=True, slots=True)
class GroupArrived:
    """A group of results of a worker; an empty one says that it lives."""

    worker: int
    group: bytes


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """A worker has ended, or could not start. An unfit one cannot run on its node at all, as for want of mmpipe there.

    With a bug of mmpipe every other worker would end, too.
    """

    worker: int
    reason: str
    is_unfit: bool = False
    is_bug: bool = False


Report = NodesSeen | WorkerGreets | GroupArrived | WorkerGone


class Transport(Protocol):
    """The way to a cluster, open."""

    def send(self, order: Order) -> None:
        """Pass an order on; never waits."""

    async def receive(self) -> Report:
        """Return the next report; raises an MmpipeError when the cluster is lost."""


class OpenTransport(Protocol):
    """Opens the way to a cluster; leaving the context ends all workers of the run."""

    def __call__(self) -> AbstractAsyncContextManager[Transport]: ...
