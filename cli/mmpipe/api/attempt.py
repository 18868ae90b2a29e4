"""Follows an exchange from its first stage to its end: sets the clock, tells who watches, has the body judged."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from mmpipe.api.exchange import Arrival, Clock, Stage
from mmpipe.api.reception import Head, Reception
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.errors import BadResponse, MmpipeError, NetworkError, TimedOut

LINGER = 1.0  # seconds that a finished answer waits for its usage, and for what a server says after it
EXPLAINED = 5.0  # seconds that an error, which its head has told, waits for what explains it

Part = TypeVar("Part")  # what is asked for comes in parts: events, or ids


def _nothing(_: object = None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told: `began` the head of an answer, `received` each piece of it, `look` some times a second.

    `note` has a line for `-v`.
    """

    received: Callable[[bytes], None] = _nothing
    look: Callable[[], None] = _nothing
    note: Callable[[str], None] = _nothing
    began: Callable[[Head], None] = _nothing


UNOBSERVED: Final = Observer()

# Asks the service once, the endpoint being known.
AskOnce = Callable[[Request, Limits, Observer], Iterator[Event]]


def follow(
    arrivals: Iterator[Arrival], receive: Callable[[Head], Reception[Part]], clock: Clock, observer: Observer
) -> Iterator[Part]:
    """What `receive` finds in the response that arrives; raises what went wrong."""
    began = time.monotonic()
    reception: Reception[Part] | None = None
    failure: MmpipeError | None = None
    while True:
        try:
            arrival = next(arrivals, None)
        except (NetworkError, TimedOut, BadResponse) as error:
            failure = error
            break
        match arrival:
            case Stage():
                clock.enter(arrival)
                observer.note(f"{arrival.value} after {(time.monotonic() - began) * 1000:.0f} ms")
            case Head(source, content_type):
                reception = begin(receive, arrival, clock, observer)
                trace = f"trace {source.request_id}" if source.request_id else "no trace id"
                observer.note(f"HTTP {source.http}, {content_type or 'no content type'}, {trace}")
            case bytes() if reception is not None:
                yield from advance(reception, arrival, clock, observer)
            case _:
                break
    if reception is not None:
        yield from reception.close(failure)
    elif failure is not None:
        raise failure


def begin(
    receive: Callable[[Head], Reception[Part]], head: Head, clock: Clock, observer: Observer
) -> Reception[Part]:
    """What takes the body. What only explains an error is no answer: nobody hears of it, and it must come soon."""
    reception = receive(head)
    if reception.is_answer:
        observer.began(head)
    else:
        clock.progress(EXPLAINED)
    return reception


def advance(reception: Reception[Part], received: bytes, clock: Clock, observer: Observer) -> Iterator[Part]:
    """What the next bytes hold; the clock is set if they brought the answer forward."""
    if reception.is_answer:
        observer.received(received)
    finished, before = reception.finished, reception.progress
    yield from reception.feed(received)
    if reception.finished and not finished:
        clock.progress(LINGER)
    elif not finished and reception.progress > before:
        clock.progress()
