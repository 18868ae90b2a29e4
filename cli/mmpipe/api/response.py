"""Reads a response as it arrives, and decides about success: the one gate between HTTP and an answer; no I/O."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Never, Protocol, TypeVar

from mmpipe.api.codes import ResponseInfo
from mmpipe.api.model_list import MAX_LIST, parse_model_ids
from mmpipe.api.service_errors import explain_status, read_explanation
from mmpipe.api.wire import MAX_ANSWER, StreamDecoder, decode
from mmpipe.core.events import Event
from mmpipe.errors import BadResponse, MmpipeError
from mmpipe.text.visible import one_line

MAX_EXPLANATION: Final = 2**20  # bytes; the body of an error is short

Part = TypeVar("Part", covariant=True)  # noqa: PLC0105  as in api.attempt


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The status line and headers of a response; `content_type` is the media type alone, in lower case."""

    info: ResponseInfo
    content_type: str
    is_compressed: bool = False


class BodyDecoder(Protocol[Part]):
    """Bytes of a body in, parts of its content out; `wire.StreamDecoder` explains the names."""

    @property
    def finished(self) -> bool: ...
    @property
    def progress(self) -> int: ...
    def feed(self, received: bytes) -> Iterator[Part]: ...
    def close(self) -> Iterator[Part]: ...


class WholeBodyDecoder(Generic[Part]):
    """Collects a body of at most `limit` bytes; once it is whole, `read` decodes it."""

    finished = False

    def __init__(
        self, head: ResponseHead, read: Callable[[bytes, ResponseInfo], Iterable[Part]], limit: int
    ) -> None:
        self._head, self._read, self._limit = head, read, limit
        self._body = bytearray()

    @property
    def progress(self) -> int:
        """The bytes so far; spaces before an answer only keep a connection alive and do not count."""
        return len(self._body)

    def feed(self, received: bytes) -> Iterator[Part]:
        """Collect the bytes; no part comes out yet."""
        self._body += received if self._body else received.lstrip()
        if len(self._body) > self._limit:
            raise BadResponse(f"the answer is longer than {self._limit} bytes")
        return iter(())

    def close(self) -> Iterator[Part]:
        """The parts of the whole body; raises an MmpipeError if it is no answer."""
        body = bytes(self._body)
        if not body:
            raise BadResponse("the service sent an empty answer", retryable=True)
        if self._head.content_type not in ("application/json", ""):
            shown = one_line(body[:400].decode(errors="replace"), 60)
            kind = one_line(self._head.content_type, 40)
            raise BadResponse(f"the service sent {kind} instead of an answer: {shown}")
        return iter(self._read(body, self._head.info))


class ErrorBodyDecoder:
    """The body of a response outside 2xx. The status decides about the error, whatever becomes of the body."""

    finished = True
    progress = 0

    def __init__(self, info: ResponseInfo) -> None:
        self._info = info
        self._body = bytearray()

    def feed(self, received: bytes) -> Iterator[Never]:
        """Raise the error of the status if the body is too long for an explanation."""
        self._body += received
        if len(self._body) > MAX_EXPLANATION:
            raise explain_status(self._info, None)
        return iter(())

    def close(self) -> Iterator[Never]:
        """Raise the error of the status, with the explanation in the body."""
        raise explain_status(self._info, read_explanation(bytes(self._body)))


class ResponseReader(Generic[Part]):
    """Takes the body of a response in pieces, and returns the parts of the answer.

    Its errors carry the trace id. `is_answer` is false for a body that only explains an error.
    """

    def __init__(self, head: ResponseHead, decoder: BodyDecoder[Part]) -> None:
        self.is_answer = head.info.is_success
        self._request_id = head.info.request_id
        self._decoder = decoder

    @property
    def finished(self) -> bool:
        """True once the answer is whole; its usage, or the explanation of an error, may still come."""
        return self._decoder.finished

    @property
    def progress(self) -> int:
        """A number that grows with all that brings the answer forward; comments, spaces and empty deltas do not."""
        return self._decoder.progress

    def feed(self, received: bytes) -> Iterator[Part]:
        """The parts that the next bytes complete."""
        try:
            yield from self._decoder.feed(received)
        except MmpipeError as error:
            raise self._traced(error) from None

    def close(self, failure: MmpipeError | None = None) -> Iterator[Part]:
        """The last parts. `failure` is the error that ended the connection, if any.

        After the finish_reason the answer is whole, however the connection ended. An error is whole after its head.
        """
        try:
            if failure is not None and not self.finished:
                raise failure
            yield from self._decoder.close()
        except MmpipeError as error:
            raise self._traced(error) from None

    def _traced(self, error: MmpipeError) -> MmpipeError:
        return error if error.request_id else error.derived(request_id=self._request_id)


def read_answer(head: ResponseHead) -> ResponseReader[Event]:
    """A reader for an answer; the service may send a stream or a whole body, whatever the request says."""
    if head.content_type == "text/event-stream":
        return _reader(head, StreamDecoder(head.info))
    return _reader(head, WholeBodyDecoder(head, decode, MAX_ANSWER))


def read_model_list(head: ResponseHead) -> ResponseReader[str]:
    """A reader for a list of models; its parts are the ids."""
    return _reader(head, WholeBodyDecoder(head, parse_model_ids, MAX_LIST))


def _reader(head: ResponseHead, decoder: BodyDecoder[Part]) -> ResponseReader[Part]:
    if not head.info.is_success:
        return ResponseReader(head, ErrorBodyDecoder(head.info))
    if head.is_compressed:
        # A decompression bomb shows only when it is unpacked.
        raise BadResponse(
            "the service compressed its answer, although the request forbids it",
            request_id=head.info.request_id,
        )
    return ResponseReader(head, decoder)
