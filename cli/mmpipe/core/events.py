"""What an answer is made of: a closed union of events, whatever shape the server sent them in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

# A message as the API has it, unknown fields included.
Message = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Start:
    """The server has begun to answer; `model` is the one that really answers (FACTS.md, "Models").

    What is `replayed` was answered, and paid, another time.
    """

    id: str
    model: str
    request_id: str | None = None  # the trace id, for the service's support
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Thinking:
    """A piece of the model's thinking, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One whole tool call; `arguments` is JSON text as the model wrote it."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used (FACTS.md, "Usage"); None is what the server did not tell.

    The last two only matter to the cost: tokens that explicit caching wrote, and the tier of the service.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    service_tier: str | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Of two answers together, as far as it is known."""
        counts = {
            field.name: None if mine is None and theirs is None else (mine or 0) + (theirs or 0)
            for field in fields(self)
            if field.name != "service_tier"
            for mine, theirs in [(getattr(self, field.name), getattr(other, field.name))]
        }
        return Usage(**counts, service_tier=other.service_tier)


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a finished answer: why it ended, and the assistant message fit to be sent back."""

    reason: str
    message: Message


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What is sent back for a call that was run here, or refused; the answer to it follows."""

    id: str
    name: str
    content: str


Event = Start | Thinking | Text | ToolCall | Usage | Stop | ToolResult
