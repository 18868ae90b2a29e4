"""The settings of one run of the simulator."""

from pathlib import Path

from mmpipe.dataclass import dataclass
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import Fault


@dataclass(frozen=True, slots=True)
class SimulatorProfile:
    """The behaviour of a simulator, fixed when it starts."""

    port: int = 0
    """0 takes any free port."""
    tps: float | None = None
    """Tokens a second; None is as fast as possible."""
    latency: float = 0.0
    """Seconds before the first byte of every answer."""
    rpm: int | None = None
    """Requests a minute; more are refused with 429 and code 1002."""
    faults: tuple[Fault, ...] = ()
    """A request gets the first fault that hits it."""
    dialects: frozenset[Dialect] = frozenset()
    seed: int = 0
    """The seed of random faults and of ids."""
    log: Path | None = None
    """The file for one JSON line a request."""
    key: str | None = None
    """The only accepted key; None accepts any."""
