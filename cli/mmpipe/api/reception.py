"""Judges a response as it comes in: the one gate between what HTTP calls a success and what was asked for; no I/O."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mmpipe.api.model_list import MAX_LIST, model_ids
from mmpipe.api.verdict import Source
from mmpipe.api.wire import MAX_ANSWER, StreamDecoder, decode
from mmpipe.errors import BadResponse, MmpipeError
from mmpipe.events import Event
from mmpipe.visible import one_line

Part = TypeVar("Part", covariant=True)  # noqa: PLC0105  as in api.course


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and headers of a response in 2xx."""

    source: Source
    content_type: str


class Decoder(Protocol[Part]):
    """Bytes of a body in, what it holds out; `wire.StreamDecoder` explains the names."""

    @property
    def finished(self) -> bool: ...
    @property
    def progress(self) -> int: ...
    def feed(self, received: bytes) -> Iterator[Part]: ...
    def close(self) -> Iterator[Part]: ...


class WholeDecoder(Generic[Part]):
    """A body of at most `limit` bytes, which says nothing before it is whole and `read` can tell what is in it."""

    finished = False

    def __init__(self, head: Head, read: Callable[[bytes, Source], Iterable[Part]], limit: int) -> None:
        self._head, self._read, self._limit = head, read, limit
        self._body = bytearray()

    @property
    def progress(self) -> int:
        """Spaces before an answer keep a connection alive, and are nothing else."""
        return len(self._body)

    def feed(self, received: bytes) -> Iterator[Part]:
        """Nothing comes out yet."""
        self._body += received if self._body else received.lstrip()
        if len(self._body) > self._limit:
            raise BadResponse(f"the answer is longer than {self._limit} bytes")
        return iter(())

    def close(self) -> Iterator[Part]:
        """The body has ended: what is in it, or the error that says why it is no answer."""
        body = bytes(self._body)
        if not body:
            raise BadResponse("the service sent an empty answer")
        if self._head.content_type not in ("application/json", ""):
            shown = one_line(body[:400].decode(errors="replace"), 60)
            kind = one_line(self._head.content_type, 40)
            raise BadResponse(f"the service sent {kind} instead of an answer: {shown}")
        return iter(self._read(body, self._head.source))


class Reception(Generic[Part]):
    """Takes the body of a response in pieces, and gives back the parts of what was asked for.

    What it raises carries the trace id.
    """

    def __init__(self, head: Head, decoder: Decoder[Part]) -> None:
        self._request_id = head.source.request_id
        self._decoder = decoder

    @property
    def finished(self) -> bool:
        """Whether the answer is whole; only its usage may still come."""
        return self._decoder.finished

    @property
    def progress(self) -> int:
        """Grows with everything that brings the answer forward; comments, spaces and empty deltas do not."""
        return self._decoder.progress

    def feed(self, received: bytes) -> Iterator[Part]:
        """The parts that the next bytes complete."""
        try:
            yield from self._decoder.feed(received)
        except MmpipeError as error:
            raise self._traced(error) from None

    def close(self, failure: MmpipeError | None = None) -> Iterator[Part]:
        """The last parts. `failure` is how the connection ended, if not well.

        Once the finish_reason is there the answer is whole, however the connection ended.
        """
        try:
            if failure is not None and not self.finished:
                raise failure
            yield from self._decoder.close()
        except MmpipeError as error:
            raise self._traced(error) from None

    def _traced(self, error: MmpipeError) -> MmpipeError:
        error.request_id = error.request_id or self._request_id
        return error


def receive_answer(head: Head) -> Reception[Event]:
    """An answer comes as a stream or whole, as the service likes, whatever it was asked for."""
    if head.content_type == "text/event-stream":
        return Reception(head, StreamDecoder(head.source))
    return Reception(head, WholeDecoder(head, decode, MAX_ANSWER))


def receive_model_list(head: Head) -> Reception[str]:
    """The ids of a list of models."""
    return Reception(head, WholeDecoder(head, model_ids, MAX_LIST))
