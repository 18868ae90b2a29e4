"""The waits of a pool over a cluster."""

from mmpipe.api.ray_pool.fleet import FleetLimits
from mmpipe.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PoolTimes:
    """Waits in seconds: without any worker; between two ticks; until a group is sent; at first until that is reported, for
    slow nodes, and for any.
    """

    max_wait: float
    tick: float = 1.0
    group: float = 0.004
    reported: float = 5.0
    slow: float = 30.0
    start: float = 300.0
    fleet: FleetLimits = FleetLimits()
