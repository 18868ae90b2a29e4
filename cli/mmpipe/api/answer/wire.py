"""Decodes the bytes of an answer, streamed or whole, into events; no I/O, and the bytes may be cut anywhere."""

import codecs
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mmpipe.api.answer.answer_end import shows_part
from mmpipe.api.answer.chunks import ChunkDecoder
from mmpipe.api.answer.cumulative import StreamKind
from mmpipe.api.answer.repetition import ChunkPattern, learn_pattern
from mmpipe.api.answer.sse import EventReader
from mmpipe.api.refusals.reasons import explain_text
from mmpipe.api.refusals.service_errors import explain_event
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.events import Event
from mmpipe.errors import BadResponse
from mmpipe.text import strict_json
from mmpipe.text.html_page import is_page
from mmpipe.text.utf8 import BOM
from mmpipe.text.visible import one_line

MAX_ANSWER = 64 * 2**20  # bytes of one answer, as decoded from HTTP
MAX_EVENT = 16 * 2**20  # bytes of one event of a stream
MAX_EXPLANATION: Final = 2**20  # bytes of the body or the event of an error, which are short

_OK = ResponseInfo()
# Chunks that did not match, after which patterns are learned seldom: from one in so many.
_EAGER: Final = 8
_SELDOM: Final = 64
_QUOTED: Final = 400  # bytes of a body that is no answer
_PAGE_TYPE: Final = re.compile(r"html|xml")
_FRAMED: Final = re.compile(rb"[\[{:]|(?:data|event|id|retry|error):")
_ERRORS: Final = re.compile(rb"error|exception|failed|failure", re.IGNORECASE)
_JSON_LINE: Final = re.compile(rb"^[ \t]*[{\[]", re.MULTILINE)
_SEPARATOR: Final = re.compile(r"\s*(?:data:\s*)?")
_DEFAULT_NAMES: Final = (b"", b"message")


def decode(body: bytes, info: ResponseInfo = _OK) -> Iterator[Event]:
    """The events of a body that is there as a whole; raises an MmpipeError if it is no answer."""
    decoder = StreamDecoder(info)
    yield from decoder.feed(body)
    yield from decoder.close()


class StreamDecoder:
    """Bytes of an answer in, events out. The bytes decide about the form of the answer (FACTS.md, "Framing").

    It may be a stream of events, one JSON value (an object, or an array of objects), or one JSON value a line.
    `close` decides about success: the answer must have begun, and end with a `finish_reason`. Arguments of tool calls are
    not parsed here. `[DONE]` alone proves nothing and may be missing (FACTS.md, "The end of a stream").
    """

    def __init__(
        self,
        info: ResponseInfo = _OK,
        limit: int = MAX_ANSWER,
        content_type: str = "",
        kind: StreamKind = StreamKind.UNKNOWN,
    ) -> None:
        self._info = info
        self._limit, self._left = limit, limit  # bytes
        self._content_type = content_type
        self._reader = EventReader(MAX_EVENT)
        self._chunks = ChunkDecoder(info, kind)
        self._pattern: ChunkPattern | None = None
        self._frame: ChunkPattern | None = None  # the pattern as an event; only between two events
        self._unmatched = 0  # chunks since the last that matched a pattern
        self._first = b""  # the first bytes that are no spaces
        self._json_pieces = 0
        self._is_done = self._is_closing = self._ends_in_json = False
        # Seconds without a byte after which the answer has ended; infinite until it seems whole, and once more has begun.
        self.longest_pause = math.inf

    @property
    def progress(self) -> int:
        """The number of parts so far that brought the answer forward; comments, spaces and empty deltas do not."""
        return self._chunks.progress + self._json_pieces

    def feed(self, received: bytes) -> Iterable[Event]:
        """The events that the next bytes complete; a list if they are one part of an answer that goes on."""
        self._left -= len(received)
        if self._left < 0:
            raise BadResponse(f"the answer is longer than {self._limit} bytes")
        # Most servers send each event in a packet of its own.
        if self._frame is not None and (text := self._frame.read(received)) is not None:
            self._unmatched = 0
            return self._chunks.repeat(text)
        return self._decode(received)

    def close(self) -> Iterator[Event]:
        """The last events; the body has ended. Raises an MmpipeError if it was no whole answer."""
        self._is_closing, self._ends_in_json = True, self._reader.holds_json
        try:
            for name, data in self._reader.close():
                yield from self._decode_unusual(name, data)
            yield from self._chunks.finish()
        except BadResponse as error:
            if self._is_foreign():
                raise refuse_body(self._content_type, self._first) from None
            raise self._quote_rest(error) from None

    def _decode(self, received: bytes) -> Iterator[Event]:
        if len(self._first) < _QUOTED:
            self._first += (received if self._first else received.lstrip())[:_QUOTED]
        data = b""
        for name, data in self._reader.feed(received):
            if name or not data.startswith(b"{"):
                yield from self._decode_unusual(name, data)
            elif self._pattern is not None and (text := self._pattern.read(data)) is not None:
                self._unmatched = 0
                yield from self._chunks.repeat(text)
            else:
                chunks = self._parse(data)
                for chunk in chunks:
                    yield from self._chunks.decode(chunk)
                self._pattern = self._learn(data, chunks[0]) if len(chunks) == 1 else None
        if self._pattern is None or not self._reader.is_between_events:
            self._frame = None
        elif data:
            self._frame = self._pattern.frame(data, received)
        # A whole answer may come slowly.
        self._json_pieces += self._reader.holds_json and self._chunks.end.reason is None
        pause = self._chunks.end.longest_pause
        has_more = pause < math.inf and shows_part(self._reader.peek())
        self.longest_pause = math.inf if has_more else pause

    def _decode_unusual(self, name: bytes, data: bytes) -> Iterator[Event]:
        """The events of an event with a name, or of one whose data do not begin with `{`."""
        self._pattern = None
        text = data.strip().removeprefix(BOM).removeprefix(b"data:").lstrip()
        if _ERRORS.search(name):
            raise explain_event(text[:MAX_EXPLANATION], self._info)
        if not text or text.startswith(b":"):
            return  # a comment: some servers put `data:` before it
        if text.strip(b"\"' ").upper() == b"[DONE]":
            self._is_done = True
            self._chunks.end.close()
            return
        if name not in _DEFAULT_NAMES and _JSON_LINE.search(text) is None:
            return  # a ping
        for chunk in self._parse(text):
            if name in _DEFAULT_NAMES or not _is_notice(chunk):
                yield from self._chunks.decode(chunk)

    def _learn(self, data: bytes, chunk: Mapping[str, object]) -> ChunkPattern | None:
        """Learn the pattern of the chunk that was decoded last; seldom where none is repeated."""
        self._unmatched += 1
        if self._chunks.repeatable and (self._unmatched <= _EAGER or self._unmatched % _SELDOM == 0):
            return learn_pattern(data, chunk, self._chunks.repeatable)
        return None

    def _parse(self, data: bytes) -> Sequence[Mapping[str, object]]:
        """The objects of an event; none for the rest of a frame that is lost after the end of the answer."""
        _check_values(data)
        try:
            return _parse_chunks(data)
        except BadResponse:
            is_lost = self._chunks.end.is_believed and not shows_part(data)
            if is_lost and (self._is_closing or self._is_done):
                return ()
            # An event without its blank line is whole if it parses; a cut event does not parse.
            if self._is_closing and (not self._ends_in_json or _is_cut(data)):
                raise self._chunks.truncated("inside an event") from None
            if self._is_foreign():
                raise refuse_body(self._content_type, self._first) from None
            raise

    def _quote_rest(self, error: BadResponse) -> BadResponse:
        """The error with the first words of a text or page that follows a stream, as servers and proxies send them."""
        words = one_line(explain_text(self._reader.rest.decode(errors="replace")), 100)
        return error.derived(sentence=f"{error.sentence}; after it came: {words}") if words else error

    def _is_foreign(self) -> bool:
        """True if the body begins like neither a stream nor JSON, and no part of an answer came."""
        first = self._first.removeprefix(BOM).lstrip()
        return not self._chunks.progress and _FRAMED.match(first) is None


def refuse_body(content_type: str, body: bytes) -> BadResponse:
    """The error of a body, perhaps empty, that is neither a stream nor JSON."""
    if not body.strip():
        return BadResponse("the service sent an empty answer", retryable=True)
    text = body[:_QUOTED].removeprefix(BOM).decode(errors="replace")
    kind = one_line(content_type, 40) or "something else"
    if is_page(text) and not _PAGE_TYPE.search(kind):
        kind = "a page"
    elif "json" in kind:
        kind = "text that is not JSON"
    return BadResponse(f"the service sent {kind} instead of an answer: {one_line(text, 60)}")


def _is_notice(chunk: Mapping[str, object]) -> bool:
    """True for the words of a ping, which are no error."""
    return not any(chunk.get(field) for field in ("choices", "error", "base_resp", "usage"))


def _is_cut(data: bytes) -> bool:
    """True if `data` is the beginning of JSON, perhaps after whole values."""
    try:
        text, _ = codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return False
    _, rest = strict_json.loads_each(text, _SEPARATOR)
    return bool(rest) and strict_json.is_beginning(rest)


def _parse_chunks(data: bytes) -> Sequence[Mapping[str, object]]:
    """The JSON objects in `data`: one, or an array of them; raises BadResponse for anything else."""
    try:
        value = _parse_value(data)
    except BadResponse:
        value = _parse_run(data)
        if not value:
            raise
    values = value if isinstance(value, list) else [value]
    chunks = [chunk for chunk in values if isinstance(chunk, dict)]
    if len(chunks) < len(values):
        raise BadResponse("the response of the service is not a JSON object")
    deepest = strict_json.MAX_ANSWER_DEPTH
    # Counting is cheap: only few chunks have so many brackets.
    if data.count(b"{") + data.count(b"[") > deepest and strict_json.is_deeper(chunks, 1 + deepest):
        raise BadResponse(f"the response of the service is nested deeper than {deepest} levels")
    return chunks


def _parse_run(data: bytes) -> list[object]:
    """The chunks in `data` if no line end stands between them, or before `data: [DONE]`; empty for anything else."""
    try:
        text = data.decode().rstrip().removesuffix("[DONE]")
    except UnicodeDecodeError:
        return []
    values, rest = strict_json.loads_each(text, _SEPARATOR)
    return [] if rest else values


def parse(data: bytes) -> object:
    """The JSON value in `data`; raises BadResponse for anything else, and for very many values."""
    _check_values(data)
    return _parse_value(data)


def _check_values(data: bytes) -> None:
    if strict_json.has_too_many_values(data):
        most = strict_json.MAX_ANSWER_VALUES
        raise BadResponse(f"the response of the service holds more than {most} JSON values")


def _parse_value(data: bytes) -> object:
    try:
        return strict_json.loads(data.decode())
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
    except ValueError:
        problem = f"is not JSON: {one_line(data[:_QUOTED].decode(errors='replace'), 80) or 'it is empty'}"
    raise BadResponse(f"the response of the service {problem}")
