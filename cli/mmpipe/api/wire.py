"""Decodes the bytes of an answer, streamed or whole, into events; no I/O, and the bytes may be cut anywhere."""

from collections.abc import Iterator, Mapping

from mmpipe.api.answer_end import shows_part
from mmpipe.api.chunks import ChunkDecoder
from mmpipe.api.codes import ResponseInfo
from mmpipe.api.sse import EventReader
from mmpipe.core.events import Event
from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.utf8 import strip_bom
from mmpipe.text.visible import one_line

MAX_ANSWER = 64 * 2**20  # bytes of one answer, as decoded from HTTP
MAX_EVENT = 16 * 2**20  # bytes of one event of a stream

_OK = ResponseInfo()


def decode(body: bytes, info: ResponseInfo = _OK) -> Iterator[Event]:
    """The events of a whole (unstreamed) answer; raises an MmpipeError for anything else."""
    chunks = ChunkDecoder(info)
    yield from chunks.decode(parse(strip_bom(body)))
    yield from chunks.finish()


class StreamDecoder:
    """Bytes of an event stream in, events out.

    `close` decides about success: the answer must have begun, and end with a `finish_reason`. Arguments of tool calls are
    not parsed here. `[DONE]` alone proves nothing and may be missing (FACTS.md, "The end of a stream").
    """

    def __init__(self, info: ResponseInfo = _OK, limit: int = MAX_ANSWER) -> None:
        self._limit = limit
        self._reader = EventReader(MAX_EVENT)
        self._chunks = ChunkDecoder(info)
        self._received = 0
        self._is_done = self._is_closing = False

    @property
    def finished(self) -> bool:
        """True once the answer seems whole, and nothing that belongs to it has begun to come."""
        return self._chunks.end.is_believed and not shows_part(self._reader.peek())

    @property
    def progress(self) -> int:
        """The number of parts so far that brought the answer forward; comments and empty deltas do not."""
        return self._chunks.progress

    def feed(self, received: bytes) -> Iterator[Event]:
        """The events that the next bytes complete."""
        self._received += len(received)
        if self._received > self._limit:
            raise BadResponse(f"the answer is longer than {self._limit} bytes")
        for data in self._reader.feed(received):
            if data == b"[DONE]":
                self._is_done = True
                self._chunks.end.close()
            elif (chunk := self._parse(data)) is not None:
                yield from self._chunks.decode(chunk)

    def close(self) -> Iterator[Event]:
        """The last events; the stream has ended. Raises an MmpipeError if it was no whole answer."""
        # An event without its blank line is whole if it parses; a cut event does not parse.
        self._is_closing = True
        yield from self.feed(b"\n\n")
        yield from self._chunks.finish()

    def _parse(self, data: bytes) -> Mapping[str, object] | None:
        """The object of an event; None for the rest of a frame that is lost after the end of the answer."""
        try:
            return parse(data)
        except BadResponse:
            is_lost = self._chunks.end.is_believed and not shows_part(data)
            if is_lost and (self._is_closing or self._is_done):
                return None
            if self._is_closing:
                raise self._chunks.truncated("inside an event") from None
            raise


def parse(data: bytes) -> Mapping[str, object]:
    """The JSON object in `data`; raises BadResponse for anything else."""
    try:
        value = strict_json.loads(data.decode())
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
    except ValueError:
        problem = f"is not JSON: {one_line(data[:400].decode(errors='replace'), 80) or 'it is empty'}"
    else:
        if isinstance(value, dict):
            return value
        problem = "is not a JSON object"
    raise BadResponse(f"the response of the service {problem}")
