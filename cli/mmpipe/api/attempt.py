"""Follows an exchange to its end: sets the clock, informs the observer, and decodes the body."""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from mmpipe.api.answer.response import ResponseReader
from mmpipe.api.http.exchange import Arrival, Clock, Stage
from mmpipe.api.response_head import ResponseHead
from mmpipe.core.events import Event
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, MmpipeError, NetworkError, OutputError, TimedOut

EXPLAINED = 5.0  # seconds that an error, known from its head, waits for its explanation

Part = TypeVar("Part")  # of an answer: an event; of a list of models: an id


def _nothing(_: object = None) -> None:
    pass


def _raise(error: OutputError) -> None:
    raise error


@dataclass(frozen=True, slots=True)
class Observer:
    """Callbacks: `entered` gets each stage, `began` the head of an answer, `received` each piece of its body.

    `note` gets lines for `-v`.

    `look` is called a few times a second. `unrecorded` gets the error of a recording that could not be written; the
    answer itself is not lost.
    """

    received: Callable[[bytes], None] = _nothing
    look: Callable[[], None] = _nothing
    note: Callable[[str], None] = _nothing
    began: Callable[[ResponseHead], None] = _nothing
    entered: Callable[[Stage], None] = _nothing
    unrecorded: Callable[[OutputError], None] = _raise

    @property
    def takes_bytes(self) -> bool:
        """True if somebody wants the head and the body as they came."""
        return self.received is not _nothing


UNOBSERVED: Final = Observer()

# Asks the service once; the endpoint is known.
AskOnce = Callable[[Request, Limits, Observer], Iterator[Event]]


def follow(
    arrivals: Iterator[Arrival],
    read: Callable[[ResponseHead], ResponseReader[Part]],
    clock: Clock,
    observer: Observer,
) -> Iterator[Part]:
    """The parts that `read` finds in the response; raises an MmpipeError."""
    began = time.monotonic()
    reader: ResponseReader[Part] | None = None
    failure: MmpipeError | None = None
    while failure is None:
        try:
            arrival = next(arrivals, None)
        except (NetworkError, TimedOut, BadResponse) as error:
            failure = error
            break
        match arrival:
            case bytes() if reader is not None:
                for number, content in enumerate(reader.unpack(arrival)):
                    # A few compressed bytes may unfold to much that is to be decoded.
                    if number and clock.end < time.monotonic():
                        failure = clock.expired()
                        break
                    yield from take(reader, content, clock, observer)
            case Stage():
                clock.enter(arrival)
                observer.entered(arrival)
                observer.note(f"{arrival.value} after {(time.monotonic() - began) * 1000:.0f} ms")
            case ResponseHead(info, content_type):
                reader = begin(read, arrival, clock, observer)
                trace = f"trace {info.request_id}" if info.request_id else "no trace id"
                observer.note(f"HTTP {info.http}, {content_type or 'no content type'}, {trace}")
            case _:
                break
    if reader is not None:
        yield from reader.close(failure)
    elif failure is not None:
        raise failure


def begin(
    read: Callable[[ResponseHead], ResponseReader[Part]], head: ResponseHead, clock: Clock, observer: Observer
) -> ResponseReader[Part]:
    """The reader of the body. A body that only explains an error is not observed, and must come soon."""
    reader = read(head)
    if reader.is_answer:
        observer.began(head)
    else:
        clock.progress(EXPLAINED)
    return reader


def take(reader: ResponseReader[Part], content: bytes, clock: Clock, observer: Observer) -> Iterator[Part]:
    """The parts in the next content of the body. The observer gets the uncompressed content first.

    At the end the clock is set if the content brought the answer forward, or changed what is known of its end.
    """
    if reader.is_answer:
        observer.received(content)
    yield from reader.feed(content)
    if reader.take_move():
        clock.progress(reader.longest_pause)
