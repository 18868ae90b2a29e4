"""Name what a server can do with a connection; an answer is a sequence of these."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Head:
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
    """What the model had to produce for it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing until the client goes away."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection, whatever was promised."""

    reset: bool = False
    """Whether by a TCP reset."""


Step: TypeAlias = Head | Send | Wait | Stall | Drop


def paced(steps: Iterable[Step], tps: float | None, latency: float) -> Iterator[Step]:
    """Begin after the latency, and take the time that the model needs for its tokens."""
    if latency:
        yield Wait(latency)
    for step in steps:
        if tps and isinstance(step, Send) and step.tokens:
            yield Wait(step.tokens / tps)
        yield step
