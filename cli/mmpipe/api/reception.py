"""Judges a response as it comes in: the one gate between what HTTP calls a success and what is an answer; no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

from mmpipe.api.verdict import Source
from mmpipe.api.wire import MAX_ANSWER, StreamDecoder, decode
from mmpipe.errors import BadResponse, MmpipeError
from mmpipe.events import Event
from mmpipe.visible import one_line


@dataclass(frozen=True, slots=True)
class Head:
    """The status line and headers of a response in 2xx."""

    source: Source
    content_type: str


class Reception:
    """Takes the body of a response in pieces, and gives back the events of the answer in it.

    What it raises carries the trace id.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._stream = StreamDecoder(head.source) if head.content_type == "text/event-stream" else None
        self._body = bytearray()

    @property
    def finished(self) -> bool:
        """Whether the answer is whole; only its usage may still come."""
        return self._stream is not None and self._stream.finished

    @property
    def progress(self) -> int:
        """Grows with everything that brings the answer forward; comments, spaces and empty deltas do not."""
        return len(self._body) if self._stream is None else self._stream.progress

    def feed(self, received: bytes) -> Iterator[Event]:
        """The events that the next bytes complete."""
        if self._stream is None:
            # Spaces before an answer keep a connection alive, and are nothing else.
            self._body += received if self._body else received.lstrip()
            if len(self._body) > MAX_ANSWER:
                raise self._traced(BadResponse(f"the answer is longer than {MAX_ANSWER} bytes"))
            return
        try:
            yield from self._stream.feed(received)
        except MmpipeError as error:
            raise self._traced(error) from None

    def close(self, failure: MmpipeError | None = None) -> Iterator[Event]:
        """The last events. `failure` is how the connection ended, if not well.

        Once the finish_reason is there the answer is whole, however the connection ended.
        """
        try:
            if failure is not None and not self.finished:
                raise failure
            yield from self._whole() if self._stream is None else self._stream.close()
        except MmpipeError as error:
            raise self._traced(error) from None

    def _whole(self) -> Iterator[Event]:
        body = bytes(self._body)
        if not body:
            raise BadResponse("the service sent an empty answer")
        if self._head.content_type not in ("application/json", ""):
            shown = one_line(body[:400].decode(errors="replace"), 60)
            kind = one_line(self._head.content_type, 40)
            raise BadResponse(f"the service sent {kind} instead of an answer: {shown}")
        return decode(body, self._head.source)

    def _traced(self, error: MmpipeError) -> MmpipeError:
        error.request_id = error.request_id or self._head.source.request_id
        return error
