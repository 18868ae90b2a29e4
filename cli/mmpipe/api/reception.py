"""Judges a response as it comes in: the one gate between what HTTP brings and what was asked for; no I/O."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Never, Protocol, TypeVar

from mmpipe.api.codes import Source, from_status
from mmpipe.api.model_list import MAX_LIST, model_ids
from mmpipe.api.wire import MAX_ANSWER, StreamDecoder, decode, parse
from mmpipe.core.events import Event
from mmpipe.errors import BadResponse, MmpipeError
from mmpipe.text.visible import one_line

MAX_EXPLANATION: Final = 2**20  # bytes; what explains an error is short

Part = TypeVar("Part", covariant=True)  # noqa: PLC0105  as in api.course


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and headers of a response; `content_type` is the media type alone, in small letters."""

    source: Source
    content_type: str
    is_compressed: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the body is what was asked for; of any other status it only explains what that says."""
        return 200 <= self.source.http < 300  # noqa: PLR2004  the range of successes


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


class ErrorDecoder:
    """The body of a response outside 2xx. The head has told what happened: whatever becomes of the body, that stands."""

    finished = True
    progress = 0

    def __init__(self, source: Source) -> None:
        self._source = source
        self._body = bytearray()

    def feed(self, received: bytes) -> Iterator[Never]:
        """Raises the error that the status is, if nobody would explain it at such length."""
        self._body += received
        if len(self._body) > MAX_EXPLANATION:
            raise from_status(self._source, None)
        return iter(())

    def close(self) -> Iterator[Never]:
        """Raises the error that the status is, with what the body says of it."""
        explanation = None
        with suppress(BadResponse):
            explanation = parse(bytes(self._body))
        raise from_status(self._source, explanation)


class Reception(Generic[Part]):
    """Takes the body of a response in pieces, and gives back the parts of what was asked for.

    What it raises carries the trace id. `is_answer` is false for a body that only explains an error.
    """

    def __init__(self, head: Head, decoder: Decoder[Part]) -> None:
        self.is_answer = head.is_success
        self._request_id = head.source.request_id
        self._decoder = decoder

    @property
    def finished(self) -> bool:
        """Whether what matters is there; only the usage of an answer, or what explains an error, may still come."""
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

        Once the finish_reason is there the answer is whole, however the connection ended; so is an error by its head.
        """
        try:
            if failure is not None and not self.finished:
                raise failure
            yield from self._decoder.close()
        except MmpipeError as error:
            raise self._traced(error) from None

    def _traced(self, error: MmpipeError) -> MmpipeError:
        return error if error.request_id else error.derived(request_id=self._request_id)


def receive_answer(head: Head) -> Reception[Event]:
    """An answer comes as a stream or whole, as the service likes, whatever it was asked for."""
    if head.content_type == "text/event-stream":
        return _receive(head, StreamDecoder(head.source))
    return _receive(head, WholeDecoder(head, decode, MAX_ANSWER))


def receive_model_list(head: Head) -> Reception[str]:
    """The ids of a list of models."""
    return _receive(head, WholeDecoder(head, model_ids, MAX_LIST))


def _receive(head: Head, decoder: Decoder[Part]) -> Reception[Part]:
    if not head.is_success:
        return Reception(head, ErrorDecoder(head.source))
    if head.is_compressed:
        # It was asked not to be: what is compressed cannot be told from a bomb before it is unpacked.
        raise BadResponse(
            "the service compressed its answer although it was asked not to",
            request_id=head.source.request_id,
        )
    return Reception(head, decoder)
