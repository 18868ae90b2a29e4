"""Decodes the JSON of an answer, chunk by chunk or whole, into events, and checks that the answer is whole."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mmpipe.api.call_assembler import CallAssembler
from mmpipe.api.codes import ResponseInfo
from mmpipe.api.fields import read_texts
from mmpipe.api.message import sendable
from mmpipe.api.service_errors import find_error
from mmpipe.api.text_decoder import TextDecoder
from mmpipe.core.events import Event, Message, Start, Stop, ToolCall, Usage
from mmpipe.errors import BadResponse

_CALLING = ("tool_calls", "function_call")


class ChunkDecoder:
    """The state of one answer; `decode` takes each JSON object that carries a part of it."""

    def __init__(self, info: ResponseInfo) -> None:
        self._info = info
        self._texts = TextDecoder()
        self._calls = CallAssembler()
        self._whole: Message | None = None
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
        yield from self._texts.settle()
        if not self._started:
            raise BadResponse("the response of the service holds no answer")
        if self.reason is None:
            raise self.truncated("without a finish_reason")
        if not self._streamed and self._whole is None:
            raise BadResponse("the response of the service holds no message")
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
            is_progress = self._texts.merge(delta)
            self._calls.merge(delta.get("tool_calls"))
            self.progress += is_progress or bool(delta.get("tool_calls"))
            for key, text in read_texts(delta):
                self.progress += 1
                yield from self._texts.take(key, text)
        elif isinstance(message, dict):
            yield from self._take_message(message)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.progress += 1
            self.reason = reason

    def _take_message(self, message: dict[str, object]) -> Iterator[Event]:
        """Decode a whole message: an unstreamed answer, or an old last frame (FACTS.md, "The end of a stream")."""
        yield from self._texts.settle()
        if not self._calls.calls:
            # The last frame repeats the streamed calls, as it repeats the text.
            self._calls.merge(message.get("tool_calls"))
        for key, text in self._texts.complete(message) if self._streamed else read_texts(message):
            yield from self._texts.emit(key, text)
        if not self._streamed:
            self._whole = message

    def _take_usage(self, usage: object) -> None:
        # Some generations put zeros into every chunk (FACTS.md, "The end of a stream", G0).
        if isinstance(usage, dict) and usage.get("total_tokens"):
            self._usage = _usage(usage)

    def _message(self) -> Message:
        """The assistant message; that of an unstreamed answer as it came."""
        if self._whole is not None:
            return self._whole
        calls = {"tool_calls": self._calls.calls} if self._calls.calls else {}
        return {**self._texts.message(), **calls}

    def _call_events(self, reason: str) -> list[ToolCall]:
        """The tool calls; their arguments are parsed by the caller that runs them."""
        calls = self._calls.events()
        if not calls and reason in _CALLING:
            raise BadResponse(f"the answer ends with {reason}, but holds no tool call")
        return calls


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
