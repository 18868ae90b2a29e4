"""Read the state of a conversation: the prompt to answer, and the messages since."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from mmpipe.simulator.json_text import Json

_LASTING = re.compile(r"sim:turns\b")


@dataclass(frozen=True, slots=True)
class SimulatedConversation:
    """The parts of a history on which an answer depends."""

    prompt: str
    """The text of the user message to answer."""
    answers: int = 0
    """The number of assistant messages after the prompt."""
    rounds: int = 0
    """The number of those messages that called tools."""
    results: tuple[str, ...] = ()
    """The results of the last calls."""


def read_conversation(messages: Sequence[Json]) -> SimulatedConversation:
    """Read messages that passed validation."""
    place = _place_of_prompt(messages)
    since = messages[place + 1 :]
    answers = [message for message in since if message.get("role") == "assistant"]
    newest = list(takewhile(lambda message: message.get("role") != "assistant", reversed(since)))
    return SimulatedConversation(
        prompt=text_of(messages[place]),
        answers=len(answers),
        rounds=sum(bool(message.get("tool_calls")) for message in answers),
        results=tuple(text_of(message) for message in reversed(newest) if message.get("role") == "tool"),
    )


def text_of(message: Json) -> str:
    """Return the text of a message; images are ignored, as M2.x ignores them (FACTS.md, "Parameters")."""
    content = message.get("content")
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _place_of_prompt(messages: Sequence[Json]) -> int:
    # After `sim:turns`, a complaint of the user asks for the next turn and is not a new prompt.
    users = [place for place, message in enumerate(messages) if message.get("role") == "user"]
    orders = [place for place in users if text_of(messages[place]).startswith("sim:")]
    if orders and _LASTING.match(text_of(messages[orders[-1]])):
        return orders[-1]
    # Without a user message the first message is the prompt; it is never the result of a tool.
    return users[-1] if users else 0
