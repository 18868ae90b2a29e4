"""Complete answer: the sum of the events of one request, and its JSON record."""

import re
from collections.abc import Mapping
from dataclasses import asdict, field
from enum import Enum
from typing import Final, assert_never

from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.core.finish_reasons import FinishMeaning, finish_meaning
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.core.lone_closers import CLOSERS, OPENERS, TAG_END, find_first_tag
from mmpipe.core.messages import has_other_part, is_refusal
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, CutShort, Filtered, MmpipeError, ServerError
from mmpipe.text.counts import format_amount
from mmpipe.text.json_encoding import has_lone_surrogate
from mmpipe.text.visible import one_line

# A call as MiniMax M2, M3 and other models write it (FACTS.md, "Tool calls").
_CALL: Final = re.compile(
    r"^(?:<minimax:tool_call>|\]<\]minimax\[>\[<tool_call>|<tool_call>\s*\{)", re.MULTILINE
)
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens")


class ReplyWarning(Enum):
    """A peculiarity of a good answer: a sentence, and the words for counts of such answers."""

    THINKING_ALONE = ("the answer has no text", "without text")
    LONE_CLOSER = (
        "the text holds </think> without its opening tag, perhaps after thinking: chat --native-thinking takes it out",
        "with a lone </think>",
    )
    GUESSED_THINKING = (
        "the text before a lone </think> was taken for thinking: -t show prints it too",
        "with text before a lone </think> taken for thinking",
    )
    UNCLOSED_BLOCK = (
        "the text begins with <think> and never closes it: if all of it is thinking, there is no answer",
        "with an unclosed <think>",
    )
    OTHER_PART = (
        "the answer has a part that is not text, such as an image: it is in the field `message` of JSON only",
        "with a part that is not text",
    )
    UNREAD_CALL = ("the text holds a tool call that the server did not read", "with an unread tool call")
    OTHER_CHOICE = (
        "the server sent more than one choice, though one is asked for: the first is the answer",
        "with choices that were left out",
    )
    LONE_SURROGATE = (
        "the answer holds a lone surrogate, which is no character: it is written as U+FFFD",
        "with a lone surrogate",
    )

    def __init__(self, sentence: str, words: str) -> None:
        self.sentence, self.words = sentence, words


@dataclass(frozen=True, slots=True)
class Attempts:
    """Number of attempts, and the milliseconds to the first piece and to the end."""

    count: int = 0
    first_byte_ms: int | None = None
    elapsed_ms: int = 0


@dataclass(slots=True)
class Reply:
    """Sum of events; complete once `finish_reason` is set."""

    id: str = ""
    model: str = ""
    request_id: str | None = None
    replayed: bool = False
    recorded_host: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    message: Message = field(default_factory=dict)
    has_guessed_thinking: bool = False
    has_other_choice: bool = False
    tool_calls: list[ToolCall] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True if the answer is complete and was not cut off."""
        return self.finish_reason is not None and reply_error(self) is None

    def add(self, event: Event) -> Event:
        """Add one event, and pass it on."""
        match event:
            case Text(text):
                self.texts.append(text)
            case Thinking(text):
                self.thoughts.append(text)
            case Start():
                self.id, self.model, self.request_id = event.id, event.model, event.request_id
                self.replayed, self.recorded_host = event.replayed, event.host
            case ToolCall():
                self.tool_calls.append(event)
            case Usage():
                self.usage = event
            case Stop():
                self.finish_reason, self.message = event.reason, event.message
                self.has_guessed_thinking = event.has_guessed_thinking
                self.has_other_choice = event.has_other_choice
            case ToolResult():
                pass
            case _:
                assert_never(event)
        return event

    def record(
        self, attempts: Attempts, dollars: float | None = None, *, with_thinking: bool
    ) -> dict[str, object]:
        """Return the JSON record (man page, JSON OUTPUT), without `thinking` if the user hides it.

        `dollars` is what the answer cost with all attempts and turns; None if unknown.
        """
        thinking = {"thinking": "".join(self.thoughts)} if with_thinking else {}
        return {
            "id": self.id,
            "model": self.model,
            "content": "".join(self.texts),
            **thinking,
            "tool_calls": [asdict(call) for call in self.tool_calls],
            "finish_reason": self.finish_reason,
            "usage": usage_json(self.usage),
            "cost": dollars,
            "message": self.message,
            "request_id": self.request_id,
            "attempts": attempts.count,
            "elapsed_ms": attempts.elapsed_ms,
        }

    def cost_at(self, host: str | None) -> float | None:
        """Return the cost in US dollars at a host, None if unknown; 0 for a replayed answer, which was paid before."""
        if self.replayed:
            return 0.0
        return calculate_cost(self.model, self.usage) if follows_catalogue(host) else None


def reply_error(reply: Reply, *, allow_truncated: bool = False) -> MmpipeError | None:
    """Return the error of an answer that arrived completely and is still no whole answer; else None.

    It was cut off by a limit, stopped by moderation or refused by the model, or its finish reason is not known.
    """
    reason, trace = one_line(reply.finish_reason or "", 40), reply.request_id
    if reply.finish_reason is not None and is_refusal(reply.message):
        return Filtered("the model refused to answer", hint="its words are in the output", request_id=trace)
    match finish_meaning(reply.finish_reason):
        case FinishMeaning.ABSENT | FinishMeaning.COMPLETE | FinishMeaning.CALLS:
            return None
        case FinishMeaning.CUT_SHORT:
            # `thoughts` lacks the thinking that the user hides, so it cannot say what used the tokens.
            has_text = any(text.strip() for text in reply.texts)
            where = (
                f"at the limit of tokens{'' if has_text else ', before its first word (thinking counts too)'}"
            )
            return None if allow_truncated else _cut_short(where, "raise --max-tokens", reply)
        case FinishMeaning.REPEATED:
            where, advice = "by the service, since it repeats itself", "change the prompt or the sampling"
            return None if allow_truncated else _cut_short(where, advice, reply)
        case FinishMeaning.CONTEXT_FULL:
            where, advice = "at the end of the context", "shorten the prompt"
            return None if allow_truncated else _cut_short(where, advice, reply)
        case FinishMeaning.FILTERED:
            return Filtered(f"the answer was cut off by moderation ({reason})", request_id=trace)
        case FinishMeaning.REFUSED:
            return Filtered(f"the model refused to answer ({reason})", request_id=trace)
        case FinishMeaning.FAILED:
            failed = f"the service failed within the answer ({reason})"
            return ServerError(failed, request_id=trace, retryable=True)
        case FinishMeaning.UNKNOWN:
            unknown = f"the service ended the answer with {reason!r}, which mmpipe does not know: it may be incomplete"
            return BadResponse(unknown, request_id=trace)
        case meaning:
            assert_never(meaning)


def reply_warnings(reply: Reply) -> tuple[ReplyWarning, ...]:
    """Return what is odd about a good answer."""
    text = "".join(reply.texts)
    # With `-t show` the thinking is part of the texts.
    has_text = text.strip() and reply.message.get("content") not in ("", None)
    has_other = has_other_part(reply.message)
    has_closer = TAG_END in text and any(closer in text for closer in CLOSERS)
    found = (
        (ReplyWarning.OTHER_PART, has_other),
        (
            ReplyWarning.THINKING_ALONE,
            reply.finish_reason is not None and not has_text and not has_other and not reply.tool_calls,
        ),
        (ReplyWarning.GUESSED_THINKING, reply.has_guessed_thinking),
        (
            ReplyWarning.LONE_CLOSER,
            has_closer and not reply.has_guessed_thinking and _begins_line_with_closer(text),
        ),
        (ReplyWarning.UNCLOSED_BLOCK, not has_closer and text.lstrip().startswith(OPENERS)),
        (
            ReplyWarning.UNREAD_CALL,
            not reply.tool_calls and "tool_call>" in text and _CALL.search(text) is not None,
        ),
        (ReplyWarning.OTHER_CHOICE, reply.has_other_choice),
        (ReplyWarning.LONE_SURROGATE, has_lone_surrogate(reply.message)),
    )
    return tuple([warning for warning, is_there in found if is_there])


def _begins_line_with_closer(text: str) -> bool:
    """True if the first tag of the text, tags in code aside, is a closer at the start of a line."""
    tag = find_first_tag(text)
    return tag is not None and text.startswith(CLOSERS, tag[0]) and text[tag[0] - 1 : tag[0]] in ("", "\n")


def _cut_short(where: str, advice: str, reply: Reply) -> CutShort:
    reason = one_line(reply.finish_reason or "", 40)
    shown = "" if reason == "length" else f" ({reason})"
    return CutShort(
        f"the answer was cut off {where}{shown}",
        hint=f"{advice}, or accept it with --allow-truncated",
        request_id=reply.request_id,
    )


def sum_usage(*usages: Usage | None) -> Usage | None:
    """Return the usage of several answers together; None if none is known."""
    known = [usage for usage in usages if usage is not None]
    return sum(known[1:], known[0]) if known else None


def usage_json(usage: Usage | None) -> Mapping[str, int | None]:
    """Return the token counts by name; None for a count that the service did not report."""
    return {name: None if usage is None else getattr(usage, name) for name in _COUNTS}


def describe_usage(usage: Usage | None, dollars: float | None) -> str:
    """Return the tokens and the cost in words, such as `34 tokens in, 61 out (30 of thinking), $0.00012`."""
    if usage is None:
        return "tokens unknown"
    parts = [f"{_known(usage.prompt_tokens)} tokens in", f"{_known(usage.completion_tokens)} out"]
    if usage.cached_tokens:
        parts[0] += f" ({usage.cached_tokens} from the cache)"
    if usage.reasoning_tokens:
        parts[1] += f" ({usage.reasoning_tokens} of thinking)"
    return ", ".join([*parts, "cost unknown" if dollars is None else f"${format_amount(dollars)}"])


def _known(count: int | None) -> str:
    return "unknown" if count is None else str(count)
