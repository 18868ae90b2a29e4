"""Read a valid chat request."""

from collections.abc import Iterable
from typing import cast

from mmpipe.dataclass import dataclass
from mmpipe.simulator import tokens
from mmpipe.simulator.answers import AskedForm
from mmpipe.simulator.asked_schema import find_asked_schema
from mmpipe.simulator.conversation import SimulatedConversation, read_conversation
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.models import MODELS, SimulatedModel
from mmpipe.simulator.offered_tools import read_tools
from mmpipe.simulator.orders import text_of

_DEFAULT_SYSTEM_TOKENS = 30
_TOKENS_AROUND_A_MESSAGE = 4
_CACHE_FROM = 512
_CACHE_BLOCK = 64


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The parameters that change an answer; all others are accepted and ignored (FACTS.md, "Parameters")."""

    model: SimulatedModel
    conversation: SimulatedConversation
    stream: bool
    split: bool
    include_usage: bool
    thinks: bool
    form: AskedForm
    max_tokens: int | None
    prompt_tokens: int
    cached_tokens: int


def read_chat_request(body: Json) -> ChatRequest:
    """Read a body that passed validation."""
    messages = cast("list[Json]", body["messages"])
    options = body.get("stream_options")
    thinking = body.get("thinking")
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    model = MODELS[str(body["model"])]
    disabled = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    # The M3 family respects only this ``tool_choice``; M2.x respects none (FACTS.md, "Parameters").
    tools = () if model.is_m3 and body.get("tool_choice") == "none" else read_tools(body)
    return ChatRequest(
        model=model,
        conversation=read_conversation(messages, tools=bool(tools)),
        stream=body.get("stream") is True,
        split=body.get("reasoning_split") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        thinks=not (model.is_m3 and disabled),
        form=AskedForm(tools, find_asked_schema(messages)),
        max_tokens=limit if isinstance(limit, int) else None,
        prompt_tokens=prompt_tokens(messages),
        cached_tokens=_cached_tokens(messages),
    )


def prompt_tokens(messages: Iterable[Json]) -> int:
    """Count the tokens of messages; without a system message a default one counts (FACTS.md, "Usage")."""
    listed = list(messages)
    default = 0 if any(message.get("role") == "system" for message in listed) else _DEFAULT_SYSTEM_TOKENS
    return default + sum(tokens.count(text_of(message)) + _TOKENS_AROUND_A_MESSAGE for message in listed)


def _cached_tokens(messages: list[Json]) -> int:
    # Long prompts are cached in blocks (FACTS.md, "Usage"). All messages but the last count as cached.
    if prompt_tokens(messages) < _CACHE_FROM:
        return 0
    return prompt_tokens(messages[:-1]) // _CACHE_BLOCK * _CACHE_BLOCK if messages[1:] else 0
