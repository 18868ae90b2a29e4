"""The protocol of asking many at once. Its forms: `pool` asks the service, `ray_pool` does so from the nodes of a
cluster, `recorded_pool` asks a folder of recordings.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mmpipe.api.attempt import Observer
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass


class AskMany(Protocol):
    """Asks for many answers at once, each with its own limits, and can be observed."""

    @property
    def is_ready(self) -> bool:
        """True if a request is sent at once; otherwise it waits for a worker."""
        ...

    async def ask(self, request: Request, limits: Limits, observer: Observer = ...) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError."""
        ...


# A pool is entered inside the loop that uses it.
AskManyContext = AbstractAsyncContextManager[AskMany]
# Makes the pool of an endpoint, for so many requests at once.
OpenPool = Callable[[Endpoint, int], AskManyContext]


@dataclass(frozen=True, slots=True)
class RunSurroundings:
    """The environment of a run, and its longest wait in seconds for a cluster without workers.

    `resolve` finds the service and the key by the settings of the machine where it is called; it can be pickled.
    `report` prints the reason of a long wait, and `note` a detail for `--verbose`.
    """

    environment: Mapping[str, str]
    max_wait: float
    resolve: Callable[[], Endpoint]
    report: Callable[[str], None]
    note: Callable[[str], None]
