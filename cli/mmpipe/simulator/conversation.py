"""See where a conversation stands: what the user asked last, and what has happened since."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from mmpipe.simulator.json_text import Json

_LASTING = re.compile(r"sim:turns\b")


@dataclass(frozen=True, slots=True)
class Conversation:
    """All of a history that an answer depends on."""

    prompt: str
    """The words of the user that are to be answered."""
    answers: int = 0
    """How many messages of the assistant have followed them."""
    rounds: int = 0
    """How many of those called tools."""
    results: tuple[str, ...] = ()
    """What the tools returned to the last of them."""


def conversation_of(messages: Sequence[Json]) -> Conversation:
    """Read messages that validation has nothing against."""
    place = _place_of_prompt(messages)
    since = messages[place + 1 :]
    answers = [message for message in since if message.get("role") == "assistant"]
    newest = list(takewhile(lambda message: message.get("role") != "assistant", reversed(since)))
    return Conversation(
        prompt=text_of(messages[place]),
        answers=len(answers),
        rounds=sum(bool(message.get("tool_calls")) for message in answers),
        results=tuple(text_of(message) for message in reversed(newest) if message.get("role") == "tool"),
    )


def text_of(message: Json) -> str:
    """Return the text of a message; pictures are left out, as M2.x does (FACTS.md, "Parameters")."""
    content = message.get("content")
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _place_of_prompt(messages: Sequence[Json]) -> int:
    # A complaint comes from a user too, and must not end the turns that it is to bring forward.
    users = [place for place, message in enumerate(messages) if message.get("role") == "user"]
    orders = [place for place in users if text_of(messages[place]).startswith("sim:")]
    if orders and _LASTING.match(text_of(messages[orders[-1]])):
        return orders[-1]
    # Without a user the first message stands for one; it is never the result of a tool.
    return users[-1] if users else 0
