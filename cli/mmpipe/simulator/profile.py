"""Say how one run of the simulator behaves."""

from dataclasses import dataclass
from pathlib import Path

from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import Fault


@dataclass(frozen=True, slots=True)
class Profile:
    """The behaviour of a simulator, fixed when it starts."""

    port: int = 0
    """0 takes any free port."""
    tps: float | None = None
    """Tokens a second; None is as fast as possible."""
    latency: float = 0.0
    """Seconds before the first byte of every answer."""
    rpm: int | None = None
    """Requests a minute; above them 429 and code 1002."""
    faults: tuple[Fault, ...] = ()
    """The first that strikes a request is played."""
    dialects: frozenset[Dialect] = frozenset()
    seed: int = 0
    """Decides the faults that strike by chance, and the ids."""
    log: Path | None = None
    """Gets one JSON line a request."""
    key: str | None = None
    """The only key that is let in; None lets any in."""
