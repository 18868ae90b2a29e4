"""Events of an answer: a closed union, the same for every form of the API."""

from collections.abc import Mapping
from dataclasses import field, fields

from mmpipe.dataclass import dataclass

# A message of the API, unknown fields included.
Message = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Start:
    """Beginning of an answer; `model` is the model that really answers (FACTS.md, "Models").

    A `replayed` answer comes from a recording and costs nothing; `host` is then the identity of the host that gave it,
    or None if the recording does not name one. One `of_minimax` comes from a host of MiniMax.
    """

    id: str
    model: str
    request_id: str | None = None  # the trace id, for the support of the service
    replayed: bool = field(default=False, compare=False)
    of_minimax: bool = field(default=False, compare=False)
    host: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Thinking:
    """Piece of thinking, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One complete tool call; `arguments` is JSON text exactly as the model wrote it."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used (FACTS.md, "Usage"); None where the server did not report them.

    The last two matter only for the cost: tokens written to the cache, and the tier of the service.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    service_tier: str | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Return the usage of two answers together; a count is None if neither has it."""
        counts = {
            field.name: None if mine is None and theirs is None else (mine or 0) + (theirs or 0)
            for field in fields(self)
            if field.name != "service_tier"
            for mine, theirs in [(getattr(self, field.name), getattr(other, field.name))]
        }
        return Usage(**counts, service_tier=other.service_tier)


@dataclass(frozen=True, slots=True)
class Stop:
    """End of a complete answer: the finish reason, and the assistant message, ready to be sent back.

    `has_guessed_thinking` is true if text was taken for thinking whose opening tag is missing, `has_other_choice` if the
    server sent a second answer, which is left out.
    """

    reason: str
    message: Message
    has_guessed_thinking: bool = field(default=False, compare=False)
    has_other_choice: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Result of a tool call that was run or refused here; it is sent back to the model."""

    id: str
    name: str
    content: str


Event = Start | Thinking | Text | ToolCall | Usage | Stop | ToolResult
