"""Decodes the JSON of an answer, chunk by chunk or whole, into events, and checks that the answer is whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mmpipe.api.answer.answer_end import AnswerEnd
from mmpipe.api.answer.call_assembler import CallAssembler
from mmpipe.api.answer.call_parts import parse_index
from mmpipe.api.answer.cumulative import StreamKind
from mmpipe.api.answer.fields import ANSWER_KEYS, read_texts
from mmpipe.api.answer.message import complete_message, sendable
from mmpipe.api.answer.repetition import Repetition, find_repetition
from mmpipe.api.answer.text_decoder import TextDecoder
from mmpipe.api.answer.usage import find_choice_usage, find_usage, with_tier
from mmpipe.api.refusals.reasons import find_reason
from mmpipe.api.refusals.service_errors import find_error, is_blank
from mmpipe.api.response_head import ResponseInfo
from mmpipe.core.calls import parse_calls
from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.core.finish_reasons import STOPPED, FinishMeaning, find_finish_reason, finish_meaning
from mmpipe.errors import BadResponse, MmpipeError, ServerError
from mmpipe.text.visible import one_line

_ANSWERS: Final = ("content", "refusal", "tool_calls", "function_call")


class ChunkDecoder:
    """The state of one answer; `decode` takes each JSON object that carries a part of it."""

    def __init__(self, info: ResponseInfo, kind: StreamKind) -> None:
        self._info = info
        self._texts = TextDecoder(kind)
        self._calls = CallAssembler()
        self._whole: dict[str, object] | None = None
        self._index: int | None = None  # of the choice that is the answer
        self._has_other_choice = False
        self._id = ""
        self._start: Start | None = None  # until the first event: a failure before it leaves no output
        self._started = self._streamed = self._in_messages = False
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._failure: object = None
        self._repetition = Repetition()
        # The event of each further text of the repetition, once it is certain, and the number of texts before.
        self._event_type: type[Text | Thinking] | None = None
        self._decoded = 0
        self._is_silent = True  # nothing came but chunks without a choice, or with an empty error
        self.end = AnswerEnd()
        self._progress = 0  # without the repetition

    def decode(self, chunk: Mapping[str, object]) -> Iterator[Event]:
        """The events of one chunk, or of a whole body; raises the error that the body reports."""
        self._end_repetition()
        error = find_error(chunk, self._info, is_over=self.end.is_believed)
        if error is not None:
            raise error
        tier = chunk.get("service_tier")
        self._tier = tier if isinstance(tier, str) else self._tier
        choices = chunk.get("choices")
        if choices or not ("choices" in chunk or "error" in chunk):
            self._is_silent = False
        usage = find_usage(chunk)
        if usage is not None:
            self._usage = usage
            if not choices:
                self.end.close()
        found = self._find_choices(choices) if choices else ()
        for choice in found:
            if not self._started:
                self._started = True
                self._id = str(chunk.get("id") or "")
                model, info = str(chunk.get("model") or ""), self._info
                self._start = Start(self._id, model, info.request_id, of_minimax=info.request.is_minimax)
            events = self._take_choice(choice)
            yield from events if self._start is None else self._begin(events)
        if len(found) == 1 and self.end.reason is None and not self._in_messages:
            self._repetition = find_repetition(choices)

    @property
    def progress(self) -> int:
        """The number of parts so far that brought the answer forward."""
        return self._progress + len(self._repetition.texts) * len(self._repetition.keys)

    @property
    def repeatable(self) -> int:
        """The number of texts in the last chunk, if a chunk may differ from it in them alone; else 0."""
        return len(self._repetition.keys)

    def repeat(self, text: str) -> list[Event]:
        """The events of a chunk that equals the last one but for its text, which stands in as many fields."""
        repetition = self._repetition
        repetition.texts.append(text)
        if self._event_type is not None:
            return [self._event_type(text)]
        keys = repetition.keys
        events = [*self._begin(event for key in keys for event in self._texts.take(key, text))]
        self._event_type, self._decoded = self._texts.find_event(keys), len(repetition.texts)
        return events

    def finish(self) -> Iterator[Event]:
        """The text that was held back, the tool calls, the usage and the stop.

        Raises the error of an answer that failed, is empty, or has no finish reason after its last part.
        """
        yield from self._begin(self._texts.settle())
        message = sendable(self._calls.fill_in(self._message(), self._id))
        calls, reason = parse_calls(message), self.end.reason
        if self._failure or finish_meaning(reason) is FinishMeaning.FAILED:
            raise _failed(reason, self._failure)
        if not self._started:
            raise BadResponse("the response of the service holds no answer", retryable=self._is_silent)
        if reason is None:
            raise self.truncated(
                f"without a finish_reason{' after its last part' if self.end.was_wrong else ''}"
            )
        if finish_meaning(reason) not in STOPPED:
            self._check_content(message, reason)
        self._check_usage(calls)
        stop = Stop(reason, message, has_other_choice=self._has_other_choice)
        yield from self._begin((*calls, *with_tier(self._usage, self._tier), stop))

    def truncated(self, where: str) -> BadResponse:
        """The error of an answer that ends too early; a retry may help."""
        return BadResponse(f"the answer is truncated: it ends {where}", retryable=True)

    def _end_repetition(self) -> None:
        """Take into the message what was repeated: all at once, since most chunks of a stream are."""
        delta, keys, texts = self._repetition.delta, self._repetition.keys, self._repetition.texts
        if texts:
            self._texts.repeat(delta, texts)
        if self._event_type is not None:
            self._texts.add(keys, texts[self._decoded :])
        self._progress = self.progress
        self._repetition, self._event_type = Repetition(), None

    def _begin(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, and the start before the first of them."""
        for event in events:
            if self._start is not None:
                start, self._start = self._start, None
                yield start
            yield event

    def _take_choice(self, choice: Mapping[str, object]) -> Iterator[Event]:
        delta, message = self._find_parts(choice)
        was_empty = self.end.is_empty
        if isinstance(delta, dict):
            self._streamed = True
            is_progress = self._texts.merge(delta)
            if ("tool_calls" in delta or "function_call" in delta) and self._calls.merge(delta):
                self._progress += 1
                self.end.take_call()
            self._progress += is_progress
            for key, text in read_texts(delta):
                self._take_part(key)
                yield from self._texts.take(key, text)
        if isinstance(message, dict) and (message or not isinstance(delta, dict)):
            yield from self._take_message(message)
        self._usage = find_choice_usage(choice) or self._usage
        # OpenRouter puts an error here.
        if not is_blank(choice.get("error")):
            self._failure = choice["error"]
        if (reason := find_finish_reason(choice.get("finish_reason"))) is not None:
            self._progress += self.end.take_reason(reason, with_first=was_empty and not self.end.is_empty)

    def _find_choices(self, choices: object) -> Sequence[Mapping[str, object]]:
        """The choices of the answer: those of the index that came first, of several at once the lowest.

        One answer is asked for, and some servers count from 1. Raises BadResponse for what is no choice.
        """
        if not isinstance(choices, list):
            raise BadResponse(f"choices is not a list: {one_line(repr(choices), 60)}")
        found: list[tuple[int, Mapping[str, object]]] = []
        for choice in choices:
            if isinstance(choice, dict):
                found.append((parse_index(choice.get("index")) or 0, choice))
            elif choice is not None:
                raise BadResponse(f"the choice is not an object: {one_line(repr(choice), 60)}")
        if found and self._index is None:
            self._index = min(index for index, _ in found)
        if len(found) > 1 or (found and found[0][0] != self._index):
            others = (choice for index, choice in found if index != self._index)
            self._has_other_choice = self._has_other_choice or any(map(_has_answer, others))
        return [choice for index, choice in found if index == self._index]

    def _find_parts(self, choice: Mapping[str, object]) -> tuple[object, object]:
        """The delta and the message of a choice; raises BadResponse for a second answer, and for what is neither."""
        delta, message = choice.get("delta"), choice.get("message")
        if not isinstance(delta, dict) and not isinstance(message, dict):
            if lost := delta or message:
                name = "delta" if delta else "message"
                raise BadResponse(f"the {name} is not an object: {one_line(repr(lost), 60)}")
            if (text := choice.get("text")) is not None:  # the form of completions before chat
                delta = {"content": text}
        if self._whole is not None and isinstance(message, dict) and not self._repeats(message):
            if self.end.reason is not None:
                raise BadResponse("the service sent two answers, and nobody knows which one is meant")
            # Some gateways stream pieces of the message, and no deltas.
            self._texts.merge(self._whole)
            self._whole, self._in_messages = None, True
        return (message, None) if self._in_messages else (delta, message)

    def _repeats(self, message: Message) -> bool:
        """True if a further message has again all that came before; without texts its calls decide."""
        return self._texts.repeats(message) and (bool(read_texts(message)) or self._calls.repeats(message))

    def _take_part(self, key: str) -> None:
        self._progress += 1
        if key in ANSWER_KEYS:
            self.end.take_text()
        else:
            self.end.take_thinking()

    def _take_message(self, message: dict[str, object]) -> Iterator[Event]:
        """Decode a whole message: an unstreamed answer, or an old last frame (FACTS.md, "The end of a stream")."""
        yield from self._texts.settle()
        if self._calls.merge_message(message):
            self.end.take_call()
        is_frame = self._streamed or self._whole is not None
        for key, text in self._texts.complete(message) if is_frame else read_texts(message):
            self._take_part(key)
            yield from self._texts.emit(key, text)
        if not self._streamed:
            self._whole = {} if self._whole is None else self._whole
            complete_message(self._whole, message)

    def _message(self) -> Message:
        """The assistant message without its calls; that of an unstreamed answer as it came."""
        return self._texts.message() if self._whole is None else self._whole

    def _check_usage(self, calls: Sequence[ToolCall]) -> None:
        """Raise BadResponse if the usage shows that text was dropped which did not repeat the text before."""
        tokens = 0 if self._usage is None else self._usage.completion_tokens or 0
        if self._usage is not None and not self.end.has_thinking:
            tokens -= self._usage.reasoning_tokens or 0
        if self._texts.is_refuted(tokens, beside=sum(len(call.arguments) for call in calls)):
            raise BadResponse(
                f"each piece of the stream repeats those before, but the answer has {tokens} tokens, too many for its text",
                hint="--pieces new or --pieces repeated says how this server streams",
            )

    def _check_content(self, message: Message, reason: str) -> None:
        """Raise BadResponse if there is nothing of what the finish reason promises."""
        if not self._streamed and self._whole is None:
            raise BadResponse("the response of the service holds no message", retryable=True)
        if not message.get("tool_calls") and finish_meaning(reason) is FinishMeaning.CALLS:
            shown = one_line(reason, 40)
            raise BadResponse(f"the answer ends with {shown}, but holds no tool call", retryable=True)
        # Content may stand in parts of unknown types.
        if self.end.is_empty and not message.get("content"):
            raise BadResponse("the answer of the service is empty", retryable=True)


def _has_answer(choice: Mapping[str, object]) -> bool:
    """True if a choice that is left out has more than thinking or empty fields."""
    parts = (part for part in (choice.get("delta"), choice.get("message")) if isinstance(part, dict))
    return any(part.get(name) for part in parts for name in _ANSWERS) or bool(choice.get("text"))


def _failed(reason: str | None, failure: object) -> MmpipeError:
    """The error of a finish reason that means failure; `failure` is the field `error` of the choice."""
    code = failure.get("code") if isinstance(failure, dict) else None
    shown = f" ({one_line(reason, 40)})" if reason else ""
    return ServerError(
        f"the service failed within the answer{shown}: {one_line(find_reason(failure)) or 'no reason given'}",
        hint="retry later",
        http=code if type(code) is int and code in range(400, 600) else None,
        retryable=True,
    )
