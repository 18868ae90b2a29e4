"""Decodes the JSON of an answer, chunk by chunk or whole, into events, and checks that the answer is whole."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mmpipe.api.call_assembler import CallAssembler
from mmpipe.api.codes import ResponseInfo, find_error
from mmpipe.api.cumulative import CumulativeDetector, Piece
from mmpipe.api.message import MessageAssembler, detail_index, sendable
from mmpipe.api.surrogates import SurrogateJoiner
from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.errors import BadResponse
from mmpipe.text.visible import one_line

_CALLING = ("tool_calls", "function_call")


class ChunkDecoder:
    """The state of one answer; `decode` takes each JSON object that carries a part of it."""

    def __init__(self, info: ResponseInfo) -> None:
        self._info = info
        self._cumulative = CumulativeDetector()
        self._surrogates = SurrogateJoiner()
        self._assembler = MessageAssembler()
        self._calls = CallAssembler()
        self._whole: Message | None = None
        self._thought: dict[str, int] = {}  # characters of thinking by the field that brought them
        self._started = False
        self._streamed = False
        self._usage: Usage | None = None
        self._tier: str | None = None
        self.reason: str | None = None
        self.progress = 0

    def decode(self, chunk: Mapping[str, object]) -> Iterator[Event]:
        """The events of one chunk, or of a whole body; raises the error that the body reports."""
        error = find_error(chunk, self._info)
        if error is not None:
            raise error
        self._take_usage(chunk.get("usage"))
        tier = chunk.get("service_tier")
        self._tier = tier if isinstance(tier, str) else self._tier
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            if not self._started:
                self._started = True
                yield Start(str(chunk.get("id") or ""), str(chunk.get("model") or ""), self._info.request_id)
            yield from self._take_choice(choice)

    def finish(self) -> Iterator[Event]:
        """The text that was held back, the tool calls, the usage and the stop; raises BadResponse for a partial answer."""
        yield from self._events(self._cumulative.settle())
        if not self._started:
            raise BadResponse("the response of the service holds no answer")
        if self.reason is None:
            raise self.truncated("without a finish_reason")
        if not self._streamed and self._whole is None:
            raise BadResponse("the response of the service holds no message")
        self._surrogates.check_none_left()
        yield from self._call_events(self.reason)
        if self._usage is not None:
            yield self._usage if self._tier is None else replace(self._usage, service_tier=self._tier)
        yield Stop(self.reason, sendable(self._message()))

    def truncated(self, where: str) -> BadResponse:
        """The error of an answer that ends too early; a retry may help."""
        return BadResponse(f"the answer is truncated: it ends {where}", retryable=True)

    def _take_choice(self, choice: Mapping[str, object]) -> Iterator[Event]:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict):
            self._streamed = True
            self._assembler.merge(delta)
            self._calls.merge(delta.get("tool_calls"))
            self.progress += bool(delta.get("tool_calls"))
            for field, text in _texts(delta):
                self.progress += 1
                if characters := self._surrogates.join(field, text):
                    yield from self._events(self._cumulative.take(field, characters))
        elif isinstance(message, dict):
            yield from self._take_message(message)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.progress += 1
            self.reason = reason

    def _take_message(self, message: dict[str, object]) -> Iterator[Event]:
        """Decode a whole message: an unstreamed answer, or an old last frame (FACTS.md, "The end of a stream")."""
        yield from self._events(self._cumulative.settle())
        self._assembler.merge(message)
        if not self._calls.calls:
            # The last frame repeats the streamed calls, as it repeats the text.
            self._calls.merge(message.get("tool_calls"))
        for field, text in _texts(message):
            known, characters = self._assembler.text(field), self._surrogates.join(field, text)
            if characters.startswith(known) and characters != known:
                yield from self._events([(field, characters[len(known) :])])
        if not self._streamed:
            self._whole = message

    def _events(self, pieces: list[Piece]) -> Iterator[Event]:
        for field, text in pieces:
            self._assembler.append(field, text)
            if field == "content":
                yield Text(text)
            else:
                yield from self._think(field.partition("/")[0], text)

    def _think(self, field: str, text: str) -> Iterator[Thinking]:
        """The same thinking comes in one field or in two (FACTS.md, "Streams"): the text counts once."""
        ahead = max(self._thought.values(), default=0)
        reached = self._thought[field] = self._thought.get(field, 0) + len(text)
        if reached > ahead:
            yield Thinking(text[-(reached - ahead) :])

    def _take_usage(self, usage: object) -> None:
        # Some generations put zeros into every chunk (FACTS.md, "The end of a stream", G0).
        if isinstance(usage, dict) and usage.get("total_tokens"):
            self._usage = _usage(usage)

    def _message(self) -> Message:
        """The assistant message; that of an unstreamed answer as it came."""
        if self._whole is not None:
            return self._whole
        calls = {"tool_calls": self._calls.calls} if self._calls.calls else {}
        return {**self._assembler.message(), **calls}

    def _call_events(self, reason: str) -> list[ToolCall]:
        """The tool calls; their arguments are parsed by the caller that runs them."""
        calls = self._calls.events()
        if not calls and reason in _CALLING:
            raise BadResponse(f"the answer ends with {reason}, but holds no tool call")
        return calls


def _texts(delta: Mapping[str, object]) -> Iterator[Piece]:
    """The non-empty texts of a delta or message, thinking first."""
    details = delta.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        text = detail.get("text") if isinstance(detail, dict) else None
        if isinstance(text, str) and text:
            yield f"reasoning_details/{detail_index(detail)}", text
    for field in ("reasoning_content", "content"):
        text = delta.get(field)
        if isinstance(text, str):
            if text:
                yield field, text
        elif text is not None:
            raise BadResponse(f"{field} is not text: {one_line(repr(text), 60)}")


def _usage(usage: Mapping[str, object]) -> Usage:
    def count(of: object, *names: str) -> int | None:
        counts = of if isinstance(of, dict) else {}
        return next((value for name in names if isinstance(value := counts.get(name), int)), None)

    return Usage(
        prompt_tokens=count(usage, "prompt_tokens"),
        completion_tokens=count(usage, "completion_tokens"),
        total_tokens=count(usage, "total_tokens"),
        reasoning_tokens=count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        # With explicit caching the same number has another name (FACTS.md, "Usage").
        cached_tokens=count(usage.get("prompt_tokens_details"), "cached_tokens", "cache_read_input_tokens"),
        cache_write_tokens=count(usage.get("prompt_tokens_details"), "cache_creation_input_tokens"),
    )
