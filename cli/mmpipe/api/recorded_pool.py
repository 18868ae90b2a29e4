"""Records what a pool answers, or answers many at once from a folder of recordings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext

from mmpipe.api.ask_many import AskMany, AskManyContext
from mmpipe.api.attempt import UNOBSERVED, Observer
from mmpipe.api.recordings import Recordings, replay
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits


@asynccontextmanager
async def open_recorded_pool(recordings: Recordings, pool: AskManyContext | None) -> AsyncIterator[AskMany]:
    """A pool in front of `pool`, which is entered and left with it; a replay needs none."""
    async with pool or nullcontext() as asking:
        yield _RecordedPool(recordings, asking)


class _RecordedPool:
    def __init__(self, recordings: Recordings, pool: AskMany | None) -> None:
        self._recordings, self._pool = recordings, pool

    @property
    def is_ready(self) -> bool:
        """True if a request that has no recording is sent at once."""
        return self._pool is None or self._pool.is_ready

    async def ask(self, request: Request, limits: Limits, observer: Observer = UNOBSERVED) -> Sequence[Event]:
        """Answer as the pool does; the files are small enough to be read and written inside the event loop."""
        found = self._recordings.find(request)
        if found is not None:
            return list(replay(found, request, limits, observer))
        assert self._pool is not None  # noqa: S101  `find` has replayed it, or raised
        with self._recordings.record(request, observer) as recorder:
            return await self._pool.ask(request, limits, recorder)
