"""Follows an exchange to its end: sets the clock, informs the observer, and decodes the body."""

import time
from collections.abc import Callable, Iterable, Iterator
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
    head = _await_head(arrivals, clock, observer)
    if head is None:
        return
    reader = begin(read, head, clock, observer)
    is_observed = reader.is_answer and observer.takes_bytes
    failure: MmpipeError | None = None
    with reader.traced():
        while failure is None:
            try:
                received = next(arrivals, None)
            except (NetworkError, TimedOut, BadResponse) as error:
                failure = error
                break
            if not isinstance(received, bytes):
                break
            for content in (
                (received,) if reader.content_decoder.is_plain else _unpack(reader, received, clock)
            ):
                if content is None:
                    failure = clock.expired()
                    break
                if is_observed:
                    observer.received(content)
                parts = reader.feed(content)
                if isinstance(parts, list):
                    # As `take`, without a generator for each chunk of a long stream.
                    yield from parts
                    clock.progress()
                else:
                    yield from take(parts, reader, clock)
        yield from reader.close(failure)


def _unpack(reader: ResponseReader[Part], received: bytes, clock: Clock) -> Iterator[bytes | None]:
    """The content in steps, None once a limit is reached. A few compressed bytes may unfold to very many."""
    for number, content in enumerate(reader.unpack(received)):
        yield None if number and clock.end < time.monotonic() else content


def _await_head(arrivals: Iterator[Arrival], clock: Clock, observer: Observer) -> ResponseHead | None:
    """Note the stages of an exchange; return the head of the response, None if there is none."""
    began = time.monotonic()
    for arrival in arrivals:
        match arrival:
            case Stage():
                clock.enter(arrival)
                observer.entered(arrival)
                observer.note(f"{arrival.value} after {(time.monotonic() - began) * 1000:.0f} ms")
            case ResponseHead(info, content_type):
                trace = f"trace {info.request_id}" if info.request_id else "no trace id"
                observer.note(f"HTTP {info.http}, {content_type or 'no content type'}, {trace}")
                return arrival
            case _:
                break
    return None


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


def take(parts: Iterable[Part], reader: ResponseReader[Part], clock: Clock) -> Iterator[Part]:
    """Pass on the parts that `feed` returned. Then set the clock if they brought the answer forward, or changed its end."""
    before = None if isinstance(parts, list) else reader.standing
    yield from parts
    if reader.standing != before:
        clock.progress(reader.longest_pause)
