"""The waits of a pool over a cluster, and its reports."""

from collections.abc import Callable

from mmpipe.api.ray_pool.fleet import FleetLimits
from mmpipe.dataclass import dataclass
from mmpipe.errors import NoWorkers


@dataclass(frozen=True, slots=True)
class PoolTimes:
    """Waits in seconds."""

    max_wait: float  # without any worker
    tick: float = 1.0  # between two looks
    group: float = 0.004  # for more requests, before a group is sent
    reported: float = 5.0  # for the first workers, before that is reported
    slow: float = 30.0  # for slow nodes, once one has begun
    start: float = 300.0  # for the first worker
    fleet: FleetLimits = FleetLimits()

    def find_end(self, alone: float, last_loss: str, *, has_begun: bool) -> NoWorkers | None:
        """Return the error that ends a run which has been without a worker for so long, if it ends."""
        longest, option = self.max_wait, " (--max-wait)"
        if not has_begun:
            # A cluster takes its time to start, whatever a run may wait for later.
            longest, option = max(longest, self.start), ""
        if alone <= longest:
            return None
        return NoWorkers(
            f"no worker of the cluster for {longest:g} s{option}{': ' if last_loss else ''}{last_loss}"
        )


@dataclass(frozen=True, slots=True)
class PoolReports:
    """Called once if the first workers take long to begin; and with the reason when a worker or the cluster is lost.

    Losses for one reason in a row are one report.
    """

    slow_start: Callable[[], None]
    loss: Callable[[str], None]
