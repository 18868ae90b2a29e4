"""The steps of an answer on a connection."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from mmpipe.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class SendHead:
    """Send the status and the headers."""

    status: int
    headers: Mapping[str, str]
    length: int | None = None
    """The Content-Length; None sends the body in chunks of HTTP."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a piece of the body."""

    data: bytes
    tokens: int = 0
    """The number of tokens that the model produces for it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Wait until the client goes away."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection before the end of the answer."""

    reset: bool = False
    """True closes it by a TCP reset."""


Step: TypeAlias = SendHead | Send | Wait | Stall | Drop


def pace(steps: Iterable[Step], tps: float | None, latency: float) -> Iterator[Step]:
    """Add waits to the steps: the latency in seconds, and the time for the tokens (`tps` a second)."""
    if latency:
        yield Wait(latency)
    for step in steps:
        if tps and isinstance(step, Send) and step.tokens:
            yield Wait(step.tokens / tps)
        yield step
