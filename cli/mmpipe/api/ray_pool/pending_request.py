"""A request that waits for its answer, or for a worker; but for no longer than its own time."""

import asyncio
from typing import Final

from mmpipe.api.ray_pool.values import ClusterRequest, ClusterResult
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError, TimedOut

_OVERDUE: Final = 30.0  # seconds after the end of a request's time, in which its worker reports that


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A question, and the future of its result."""

    question: ClusterRequest
    answer: asyncio.Future[ClusterResult]

    def fail(self, error: MmpipeError) -> None:
        """Answer with an error, unless there is an answer."""
        if not self.answer.done():
            self.answer.set_result(ClusterResult(self.question.number, (), error))

    def expire_unsent(self) -> None:
        """Fail if the time is over and no worker has the request."""
        if self.question.limits.seconds_left <= 0:
            self.fail(TimedOut("no worker of the cluster within the total limit (--max-time)"))

    def expire_sent(self) -> None:
        """Fail if the time has been over for so long that the worker must have forgotten the request."""
        if self.question.limits.seconds_left < -_OVERDUE:
            self.fail(TimedOut("no answer of the worker within the total limit (--max-time)"))
