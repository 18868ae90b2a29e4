"""Complete answer: the sum of the events of one request, and its JSON record."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import assert_never

from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import CutShort, Filtered, MmpipeError

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "cached_tokens")


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
    finish_reason: str | None = None
    usage: Usage | None = None
    message: Message = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True if the answer is complete and was not cut off."""
        return self.finish_reason is not None and reply_error(self) is None

    def add(self, event: Event) -> None:
        """Add one event."""
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
        """Return the JSON record (man page, JSON OUTPUT), without `thinking` if the user hides it."""
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
        """Cost in US dollars, None if unknown; 0 for a replayed answer, which was paid before."""
        return 0.0 if self.replayed else calculate_cost(self.model, self.usage)


def reply_error(reply: Reply, *, allow_truncated: bool = False) -> MmpipeError | None:
    """Return the error of an answer that arrived completely but was cut off, by its limit or by moderation; else None."""
    match reply.finish_reason:
        case "length" if not allow_truncated:
            limit = "raise --max-tokens, or accept it with --allow-truncated"
            return CutShort(
                f"the answer was cut off at the limit of tokens; {limit}", request_id=reply.request_id
            )
        case "content_filter":
            cut = "the answer was cut off by moderation (content_filter)"
            return Filtered(cut, request_id=reply.request_id)
        case _:
            return None


def sum_usage(*usages: Usage | None) -> Usage | None:
    """Return the usage of several answers together; None if none is known."""
    known = [usage for usage in usages if usage is not None]
    return sum(known[1:], known[0]) if known else None


def usage_json(usage: Usage | None) -> Mapping[str, int | None]:
    """Return the token counts by name; None for a count that the service did not report."""
    return {name: None if usage is None else getattr(usage, name) for name in _COUNTS}
