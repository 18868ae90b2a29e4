"""Read the state of a conversation: the prompt to answer, and the messages since."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mmpipe.dataclass import dataclass
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.media import describe_media
from mmpipe.simulator.orders import find_order, text_of
from mmpipe.simulator.rounds import read_rounds

_LASTING = re.compile(r"sim:turns\b")


@dataclass(frozen=True, slots=True)
class SimulatedConversation:
    """The parts of a history on which an answer depends."""

    prompt: str
    """The user message to answer, or the order in it."""
    answers: int = 0
    """The number of assistant messages after the prompt."""
    rounds: int = 0
    """The number of those messages that called tools."""
    results: tuple[str, ...] = ()
    """The results of the last calls."""
    written: bool = False
    """True if the last calls are text, as some frameworks write them: user messages are then their results."""
    pending: bool = False
    """True if the last answer has not called what was ordered: a framework asked for a plan first."""
    attached: str = ""
    """The images and videos of the user message, in words."""
    follows_order: bool = False
    """True if the message before was an order that was answered: this one may complain about the answer."""

    @property
    def is_ordered(self) -> bool:
        """True if the prompt is an order."""
        return self.prompt.startswith("sim:")


def read_conversation(messages: Sequence[Json], *, tools: bool) -> SimulatedConversation:
    """Read messages that passed validation; without ``tools`` no text of a message is a call."""
    # Without a user message the first message is the prompt; it is never the result of a tool.
    asked = any(message.get("role") == "user" for message in messages)
    conversation = SimulatedConversation("" if asked else text_of(messages[0]))
    for message in messages if asked else messages[1:]:
        match message.get("role"):
            case "user":
                conversation = _after_user(conversation, message)
            case "assistant":
                conversation = _after_assistant(conversation, message, tools=tools)
            case "tool":
                conversation = _with_result(conversation, message)
    return conversation


def _after_user(conversation: SimulatedConversation, message: Json) -> SimulatedConversation:
    if conversation.written:
        return _with_result(conversation, message)
    order = find_order(message)
    if order is None and _lasts(conversation):
        return conversation
    prompt = text_of(message) if order is None else order
    follows = conversation.is_ordered and conversation.answers > 0
    return SimulatedConversation(prompt, attached=describe_media(message), follows_order=follows)


def _lasts(conversation: SimulatedConversation) -> bool:
    """Return True if a user message without an order leaves the order in force.

    After ``sim:turns``, a complaint asks for the next turn. Before any answer, the message is a part of the same prompt.
    """
    if _LASTING.match(conversation.prompt):
        return True
    return conversation.pending or (conversation.is_ordered and not conversation.answers)


def _after_assistant(
    conversation: SimulatedConversation, message: Json, *, tools: bool
) -> SimulatedConversation:
    called = bool(message.get("tool_calls"))
    due = () if called or not tools else _tools_due(conversation)
    text = text_of(message)
    # An answer without tools, such as a plan, quotes the order.
    written = bool(due) and "sim:tool" not in text and all(tool in text for tool in due)
    return replace(
        conversation,
        answers=conversation.answers + 1,
        rounds=conversation.rounds + (called or written),
        results=(),
        written=written,
        pending=bool(due) and not written,
    )


def _tools_due(conversation: SimulatedConversation) -> tuple[str, ...]:
    """Return the tools of the next round of an order."""
    rounds = read_rounds(conversation.prompt) if conversation.is_ordered else None
    following = rounds.after(conversation.rounds) if rounds else None
    return tuple(call.tool for call in following.calls) if following else ()


def _with_result(conversation: SimulatedConversation, message: Json) -> SimulatedConversation:
    return replace(conversation, results=(*conversation.results, text_of(message)))
