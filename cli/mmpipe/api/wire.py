"""Decodes what the service sends, streamed or whole, into events; no I/O, so the bytes may be cut anywhere."""

import json
from collections.abc import Iterator, Mapping
from typing import NoReturn

from mmpipe.api.growth import Growth, Piece
from mmpipe.api.message import MessageAssembler
from mmpipe.api.sse import BOM, EventReader
from mmpipe.api.verdict import Source, trouble_in
from mmpipe.errors import BadResponse
from mmpipe.events import Event, Message, Start, Stop, Text, Thinking, Usage
from mmpipe.visible import one_line

MAX_ANSWER = 64 * 2**20  # bytes of one answer, as decoded from HTTP
MAX_EVENT = 16 * 2**20  # bytes of one event of a stream

_OK = Source()


def decode(body: bytes, source: Source = _OK) -> Iterator[Event]:
    """The events of a whole (unstreamed) answer; raises what the success gate finds wrong with it."""
    answer = _Answer(source)
    yield from answer.take(parse(body.removeprefix(BOM), source))
    yield from answer.finish()


class StreamDecoder:
    """Bytes of an event stream in, events out.

    Success is judged in `close`: the answer must have begun, have a `finish_reason`, and its tool arguments must
    parse. `[DONE]` proves nothing and may be missing (api_facts 2.5).
    """

    def __init__(self, source: Source = _OK, limit: int = MAX_ANSWER) -> None:
        self._source = source
        self._limit = limit
        self._reader = EventReader(MAX_EVENT)
        self._answer = _Answer(source)
        self._received = 0
        self._done = False
        self.chunks = 0  # so far; a comment is none

    @property
    def finished(self) -> bool:
        """Whether the answer is whole; only its usage may still come."""
        return self._answer.reason is not None

    @property
    def ended(self) -> bool:
        """Whether nothing that matters can come any more."""
        return self._done or (self.finished and self._answer.usage is not None)

    def feed(self, received: bytes) -> Iterator[Event]:
        """The events that the next bytes complete."""
        self._received += len(received)
        if self._received > self._limit:
            raise BadResponse(
                f"the answer is longer than {self._limit} bytes", request_id=self._source.request_id
            )
        for data in self._reader.feed(received):
            if self._done or data == b"[DONE]":
                self._done = True
                return
            self.chunks += 1
            yield from self._answer.take(parse(data, self._source))

    def close(self) -> Iterator[Event]:
        """The stream has ended: the last events, or the error that says why it is no answer."""
        try:
            # An event whose blank line is missing is whole if it parses; half an event does not.
            yield from self.feed(b"\n\n")
        except BadResponse:
            if not self.finished:
                raise self._answer.truncated("inside an event") from None
        yield from self._answer.finish()


class _Answer:
    """The state of one answer; `take` is given each JSON object that carries a part of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._growth = Growth()
        self._assembler = MessageAssembler()
        self._whole: Message | None = None
        self._thought: dict[str, int] = {}  # characters of thinking by the field that brought them
        self._started = False
        self._streamed = False
        self.reason: str | None = None
        self.usage: Usage | None = None

    def take(self, chunk: Mapping[str, object]) -> Iterator[Event]:
        """The events of one chunk, or of a whole body; raises the error that it reports."""
        trouble = trouble_in(chunk, self._source)
        if trouble is not None:
            raise trouble
        self._take_usage(chunk.get("usage"))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            if not self._started:
                self._started = True
                yield Start(
                    str(chunk.get("id") or ""), str(chunk.get("model") or ""), self._source.request_id
                )
            yield from self._take_choice(choice)

    def finish(self) -> Iterator[Event]:
        """What was held back, the tool calls, the usage and the stop; raises if the answer is not whole."""
        yield from self._tell(self._growth.settle())
        if not self._started:
            self._refuse("there is no answer in what the service sent")
        if self.reason is None:
            raise self.truncated("without a finish_reason")
        for call in self._assembler.calls():
            self._check_arguments(call.name, call.arguments)
            yield call
        if self.usage is not None:
            yield self.usage
        yield Stop(self.reason, self._whole if self._whole is not None else self._assembler.message())

    def truncated(self, where: str) -> BadResponse:
        """The error of an answer that ends too early; asking again may help."""
        return BadResponse(
            f"the answer is truncated: the stream ended {where}",
            request_id=self._source.request_id,
            retryable=True,
        )

    def _take_choice(self, choice: Mapping[str, object]) -> Iterator[Event]:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict):
            self._streamed = True
            self._assembler.merge(delta)
            for piece in _texts(delta):
                yield from self._tell(self._growth.take(*piece))
        elif isinstance(message, dict):
            yield from self._take_message(message)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.reason = reason

    def _take_message(self, message: Mapping[str, object]) -> Iterator[Event]:
        """A whole message: the unstreamed answer, or the last frame of an old stream (api_facts 2.5, G0)."""
        yield from self._tell(self._growth.settle())
        self._assembler.merge(message)
        for field, text in _texts(message):
            said = self._assembler.text(field)
            if text.startswith(said):
                yield from self._tell([(field, text[len(said) :])])
        if not self._streamed:
            self._whole = message

    def _tell(self, pieces: list[Piece]) -> Iterator[Event]:
        for field, text in pieces:
            if not text:
                continue
            self._assembler.append(field, text)
            if field == "content":
                yield Text(text)
            else:
                yield from self._think(field, text)

    def _think(self, field: str, text: str) -> Iterator[Thinking]:
        """The same thinking comes in one field or in two (api_facts 1.1); twice the same text is one text."""
        ahead = max(self._thought.values(), default=0)
        reached = self._thought[field] = self._thought.get(field, 0) + len(text)
        if reached > ahead:
            yield Thinking(text[-(reached - ahead) :])

    def _take_usage(self, usage: object) -> None:
        # Some generations put zeros into every chunk (api_facts 2.5, G0).
        if isinstance(usage, dict) and usage.get("total_tokens"):
            self.usage = _usage(usage)

    def _check_arguments(self, name: str, arguments: str) -> None:
        try:
            json.loads(arguments)
        except (ValueError, RecursionError):
            self._refuse(
                f"the model called {name!r} with arguments that are not JSON: {one_line(arguments, 80)}"
            )

    def _refuse(self, sentence: str) -> NoReturn:
        raise BadResponse(sentence, request_id=self._source.request_id)


def parse(data: bytes, source: Source = _OK) -> Mapping[str, object]:
    """The JSON object that `data` is; raises BadResponse for anything else."""
    try:
        value = json.loads(data.decode())
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
    except (ValueError, RecursionError):
        problem = f"is not JSON: {one_line(data[:400].decode(errors='replace'), 80) or 'it is empty'}"
    else:
        if isinstance(value, dict):
            return value
        problem = "is not a JSON object"
    raise BadResponse(f"what the service sent {problem}", request_id=source.request_id)


def _texts(delta: Mapping[str, object]) -> Iterator[Piece]:
    details = delta.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        text = detail.get("text") if isinstance(detail, dict) else None
        if isinstance(text, str) and text:
            yield f"reasoning_details/{detail.get('index') or 0}", text
    for field in ("reasoning_content", "content"):
        text = delta.get(field)
        if isinstance(text, str) and text:
            yield field, text


def _usage(usage: Mapping[str, object]) -> Usage:
    def count(of: object, *names: str) -> int | None:
        counts = of if isinstance(of, dict) else {}
        return next((value for name in names if isinstance(value := counts.get(name), int)), None)

    return Usage(
        prompt_tokens=count(usage, "prompt_tokens"),
        completion_tokens=count(usage, "completion_tokens"),
        total_tokens=count(usage, "total_tokens"),
        reasoning_tokens=count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        # With explicit caching the same number has another name (api_facts 2.7).
        cached_tokens=count(usage.get("prompt_tokens_details"), "cached_tokens", "cache_read_input_tokens"),
    )
