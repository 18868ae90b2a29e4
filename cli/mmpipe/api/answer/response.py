"""Reads a response as it arrives, and decides about success: the one gate between HTTP and an answer; no I/O."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Never, Protocol, TypeVar

from mmpipe.api.answer.content_coding import ContentDecoder, parse_codings
from mmpipe.api.answer.cumulative import StreamKind
from mmpipe.api.answer.model_list import MAX_LIST, ModelList, parse_model_list
from mmpipe.api.answer.wire import MAX_EXPLANATION, StreamDecoder, refuse_body
from mmpipe.api.refusals.service_errors import explain_status, read_explanation
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.events import Event
from mmpipe.core.stream_pieces import Pieces
from mmpipe.errors import BadResponse, MmpipeError, OutputError
from mmpipe.text.utf8 import strip_bom

Part = TypeVar("Part", covariant=True)  # noqa: PLC0105  as in api.attempt


class BodyDecoder(Protocol[Part]):
    """Bytes of a body in, parts of its content out; `wire.StreamDecoder` explains the names."""

    @property
    def longest_pause(self) -> float: ...
    @property
    def progress(self) -> int: ...
    def feed(self, received: bytes) -> Iterable[Part]:
        """The parts that the bytes complete. A list is a part of an answer that goes on. Any other iterable decodes as it is read."""
        ...

    def close(self) -> Iterator[Part]: ...


class WholeBodyDecoder(Generic[Part]):
    """Collects a body of at most `limit` bytes; once it is whole, `read` decodes it if it looks like JSON."""

    longest_pause = math.inf

    def __init__(
        self, head: ResponseHead, read: Callable[[bytes, ResponseInfo], Iterable[Part]], limit: int
    ) -> None:
        self._head, self._read, self._limit = head, read, limit
        self._body = bytearray()
        self._received = 0

    @property
    def progress(self) -> int:
        """The bytes so far; spaces before an answer only keep a connection alive and do not count."""
        return len(self._body)

    def feed(self, received: bytes) -> Iterator[Part]:
        """Collect the bytes when the result is read, which is empty."""
        self._received += len(received)
        self._body += received if self._body else received.lstrip()
        if self._received > self._limit:
            raise BadResponse(f"the answer is longer than {self._limit} bytes")
        yield from ()

    def close(self) -> Iterator[Part]:
        """The parts of the whole body; raises an MmpipeError if it is no answer."""
        body = strip_bom(bytes(self._body)).lstrip()
        if not body.startswith((b"{", b"[")):
            raise refuse_body(self._head.content_type, body)
        return iter(self._read(body, self._head.info))


class ErrorBodyDecoder:
    """The body of a response outside 2xx. The status decides about the error, whatever becomes of the body."""

    longest_pause = 0.0  # it is whole after its head
    progress = 0

    def __init__(self, info: ResponseInfo) -> None:
        self._info = info
        self._body = bytearray()

    def feed(self, received: bytes) -> Iterator[Never]:
        """Raise the error of the status if the body is too long for an explanation."""
        self._body += received
        if len(self._body) > MAX_EXPLANATION:
            raise explain_status(self._info, None)
        yield from ()

    def close(self) -> Iterator[Never]:
        """Raise the error of the status, with the explanation in the body."""
        raise explain_status(self._info, read_explanation(bytes(self._body)))


class ResponseReader(Generic[Part]):
    """Takes the body of a response in pieces, and returns the parts of the answer.

    `is_answer` is false for a body that only explains an error. `feed` takes its content, once `content_decoder` has unpacked it.
    """

    def __init__(self, head: ResponseHead, decoder: BodyDecoder[Part]) -> None:
        self.is_answer = head.info.is_success
        self._request_id = head.info.request_id
        self.content_decoder = ContentDecoder(parse_codings(head.content_encoding))
        self._decoder = decoder
        self.feed = decoder.feed

    @property
    def finished(self) -> bool:
        """True once the answer is whole; its usage, or the explanation of an error, may still come."""
        return self.longest_pause < math.inf

    @property
    def longest_pause(self) -> float:
        """Seconds without a byte after which the body has ended; infinite as long as the answer is not whole."""
        return self._decoder.longest_pause

    @property
    def standing(self) -> tuple[float, int]:
        """The longest pause and the progress. A comment or an empty delta changes neither."""
        return self._decoder.longest_pause, self._decoder.progress

    def unpack(self, received: bytes) -> Iterator[bytes]:
        """The content of the next bytes of the body, in steps for `feed`: the same bytes, unless they are compressed."""
        try:
            yield from self.content_decoder.feed(received)
        except BadResponse:
            # The status decides about an error, whatever becomes of its body.
            if self.is_answer:
                raise

    def close(self, failure: MmpipeError | None = None) -> Iterator[Part]:
        """The last parts. `failure` is the error that ended the connection, if any.

        After the finish_reason the answer is whole, however the connection ended. An error is whole after its head.
        """
        if failure is not None and not self.finished:
            raise failure
        for content in self._rest():
            yield from self._decoder.feed(content)
        try:
            yield from self._decoder.close()
        except BadResponse as error:
            if self.content_decoder.is_cut:
                raise BadResponse(
                    "the answer is truncated: its compressed bytes are cut off", retryable=True
                ) from error
            raise

    def _rest(self) -> Iterator[bytes]:
        with suppress(*(() if self.is_answer else (BadResponse,))):
            yield from self.content_decoder.close()

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Add the trace id of the response to an error that is raised in the context, unless an output failed."""
        try:
            yield
        except OutputError:
            raise
        except MmpipeError as error:
            if error.request_id:
                raise
            raise error.derived(request_id=self._request_id) from error.__cause__


def read_answer(head: ResponseHead, pieces: Pieces = "auto") -> ResponseReader[Event]:
    """A reader for an answer; the service may send a stream or a whole body, whatever the request says."""
    decoder = StreamDecoder(head.info, content_type=head.content_type, kind=StreamKind(pieces))
    return _reader(head, decoder)


def read_model_list(head: ResponseHead) -> ResponseReader[ModelList]:
    """A reader for a list of models; its only part is the list."""
    return _reader(head, WholeBodyDecoder(head, lambda body, info: (parse_model_list(body, info),), MAX_LIST))


def _reader(head: ResponseHead, decoder: BodyDecoder[Part]) -> ResponseReader[Part]:
    return ResponseReader(head, decoder if head.info.is_success else ErrorBodyDecoder(head.info))
