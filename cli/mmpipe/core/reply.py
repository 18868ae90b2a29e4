"""The answer as a whole: what the events of one request add up to, and the JSON record of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import assert_never

from mmpipe.core.catalogue import cost
from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import CutShort, Filtered, MmpipeError

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How the answer was got: the tries, and the milliseconds to its first piece and in all."""

    count: int = 0
    first_byte_ms: int | None = None
    elapsed_ms: int = 0


@dataclass(slots=True)
class Reply:
    """Adds up events; whole once `finish_reason` is there."""

    id: str = ""
    model: str = ""
    request_id: str | None = None
    replayed: bool = False
    finish_reason: str | None = None
    usage: Usage | None = None
    message: Message = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether it came to its end, and nothing is wrong with that."""
        return self.finish_reason is not None and reply_error(self) is None

    def add(self, event: Event) -> None:
        """Keep what one event says."""
        match event:
            case Start():
                self.id, self.model, self.request_id = event.id, event.model, event.request_id
                self.replayed = event.replayed
            case Thinking(text):
                self.thoughts.append(text)
            case Text(text):
                self.texts.append(text)
            case ToolCall():
                self.tool_calls.append(event)
            case Usage():
                self.usage = event
            case Stop():
                self.finish_reason, self.message = event.reason, event.message
            case ToolResult():
                pass
            case _:
                assert_never(event)

    def record(self, attempts: Attempts, *, with_thinking: bool) -> dict[str, object]:
        """The JSON record (man page, JSON OUTPUT), without `thinking` where the user hides it."""
        thinking = {"thinking": "".join(self.thoughts)} if with_thinking else {}
        return {
            "id": self.id,
            "model": self.model,
            "content": "".join(self.texts),
            **thinking,
            "tool_calls": [asdict(call) for call in self.tool_calls],
            "finish_reason": self.finish_reason,
            "usage": usage_json(self.usage),
            "message": self.message,
            "request_id": self.request_id,
            "attempts": attempts.count,
            "elapsed_ms": attempts.elapsed_ms,
        }

    @property
    def cost(self) -> float | None:
        """In US dollars, as far as it is known; what is replayed was paid before."""
        return 0.0 if self.replayed else cost(self.model, self.usage)


def reply_error(reply: Reply, *, allow_truncated: bool = False) -> MmpipeError | None:
    """Why an answer that came whole is none all the same: cut at its limit, or by moderation."""
    match reply.finish_reason:
        case "length" if not allow_truncated:
            limit = "raise --max-tokens, or accept it with --allow-truncated"
            return CutShort(f"the answer is cut at the limit of tokens; {limit}", request_id=reply.request_id)
        case "content_filter":
            cut = "the answer was cut off by moderation (content_filter)"
            return Filtered(cut, request_id=reply.request_id)
        case _:
            return None


def total_usage(*usages: Usage | None) -> Usage | None:
    """What several answers used together, as far as it is known."""
    known = [usage for usage in usages if usage is not None]
    return sum(known[1:], known[0]) if known else None


def usage_json(usage: Usage | None) -> Mapping[str, int | None]:
    """The counts of tokens by their names; null for a count that the service did not report."""
    return {name: None if usage is None else getattr(usage, name) for name in _COUNTS}
