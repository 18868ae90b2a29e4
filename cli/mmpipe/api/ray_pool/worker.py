"""Asks the questions that arrive in groups over a local pool, and gives back the results in groups; runs on a node.

Ray makes an actor of this class; nothing here knows Ray.
"""

import asyncio
import resource
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Protocol

from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.api.encoded_request import EncodedRequest
from mmpipe.api.pool import Pool
from mmpipe.api.ray_pool.greeting import Greeting, WorkerTerms
from mmpipe.api.ray_pool.values import (
    ClusterRequest,
    ClusterResult,
    Record,
    join_groups,
    pack_head,
    pack_result,
    unpack_questions,
)
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.events import Event
from mmpipe.core.timeouts import Limits
from mmpipe.errors import Internal, MmpipeError, NetworkError, is_of_process

HEARTBEAT: Final = 3.0  # seconds after which `take` returns without a result
_LINGER: Final = 0.003  # seconds in which further results join a group


class AskEncoded(Protocol):
    """Asks for many answers at once; the requests are encoded."""

    async def ask_encoded(
        self, request: EncodedRequest, limits: Limits, observer: Observer = ...
    ) -> Sequence[Event]:
        """The events of one attempt; raises an MmpipeError."""


OpenEncodedPool = Callable[[Endpoint, int], AbstractAsyncContextManager[AskEncoded]]


class ClusterWorker:
    """One worker of a run. It ends with its process: then its connections are closed, and what it asked is dropped."""

    def __init__(
        self, terms: WorkerTerms, open_pool: OpenEncodedPool = Pool, heartbeat: float = HEARTBEAT
    ) -> None:
        self._terms, self._open_pool, self._heartbeat = terms, open_pool, heartbeat
        self._results: list[bytes] = []
        self._groups: list[bytes] = []
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def greet(self) -> bytes:
        """Find the service and the key, and open the pool; returns a packed Greeting. Call before any other method."""
        try:
            endpoint = await asyncio.to_thread(self._terms.resolve)
            self._pool = await self._open_pool(endpoint, self._terms.size).__aenter__()
        except MmpipeError as error:
            return Greeting(error=error).pack()
        except Exception as error:  # noqa: BLE001  the boundary of a worker: a lost one would be started again and again
            return Greeting(error=_explain(error)).pack()
        return Greeting.of(endpoint, self._terms.salt).pack()

    async def submit(self, group: bytes) -> None:
        """Begin to ask a group of questions."""
        for question in unpack_questions(group):
            task = asyncio.create_task(self._answer(question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # The next `take` confirms the group.
        self._arrived.set()

    async def take(self) -> bytes:
        """Return the next group of results; an empty one if there is none for long, or none when questions arrive.

        Either says that this worker lives, and has all questions that were submitted before.
        """
        if not self._groups:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), self._heartbeat)
                await asyncio.sleep(_LINGER)
            self._arrived.clear()
            self._groups, self._results = [*join_groups(self._results)], []
        return self._groups.pop(0) if self._groups else b""

    async def _answer(self, question: ClusterRequest) -> None:
        tape = _Tape()
        observer = (
            Observer(began=tape.begin, received=tape.pieces.append) if question.takes_bytes else UNOBSERVED
        )
        events: Sequence[Event] = ()
        error: MmpipeError | None = None
        try:
            events = await self._pool.ask_encoded(question.request, question.limits, observer)
        except MmpipeError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001  the boundary of a question: the others are asked all the same
            error = _explain(raised)
        self._results.append(pack_result(ClusterResult(question.number, events, error, tape.record)))
        self._arrived.set()


class NodeWorker(ClusterWorker):
    """The same as the owner of its process: with as many connections as may be, and without a core file, which would hold the key."""

    def __init__(self, terms: WorkerTerms) -> None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        super().__init__(terms)


class _Tape:
    """The head and the pieces of a response; of a request that was sent twice, the second response."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.pieces: list[bytes] = []

    def begin(self, head: ResponseHead) -> None:
        self.head = head
        self.pieces.clear()

    @property
    def record(self) -> Record | None:
        return None if self.head is None else (pack_head(self.head), self.pieces)


def _explain(error: Exception) -> MmpipeError:
    """Return our error for any other one. What concerns this process may go better in another one."""
    if is_of_process(error):
        return NetworkError(
            f"a worker of the cluster failed: {type(error).__name__}: {error}", retryable=True
        )
    return Internal.of_bug(error)
