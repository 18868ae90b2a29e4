"""Derive the answer from the prompt: the same for the same prompt, and clearly not from a model.

An order (``sim:...``) in the last user message asks for a special answer, until the next user message. It begins the
message or, where a framework wraps the prompt, a later line of it (module `orders`):

* ``sim:echo TEXT``: the answer is TEXT, to the byte.
* ``sim:think A|||B``: the thinking is A, the answer is B.
* ``sim:length N``: N characters of prose.
* ``sim:chunks N``: an answer in N chunks.
* ``sim:empty``: an empty answer.
* ``sim:turns A|||B|||C``: the first answer is A, the second B, and so on; the last one is repeated. User messages
  in between (such as complaints about an answer) change nothing, unless they begin with ``sim:``.
* ``sim:tool NAME {"json": "arguments"}``: a call of the tool, if the request has tools. Several calls are several
  lines; ``sim:say TEXT``, ``sim:then`` and ``sim:again`` make more than one round (module `rounds`). After the last
  round the answer is text that quotes the last results.

Without an order, a request for JSON by a JSON Schema (module `asked_schema`) is answered with JSON (`instances`), and
a prompt that names offered tools with a call of each, once (`offered_tools`).

An answer to images and videos that is not ordered says what the M3 family sees of them: number, kinds and sizes.

The result of a tool is never read as such a prompt.
"""

import re
from enum import Enum, auto

from mmpipe.dataclass import dataclass
from mmpipe.simulator import prose, tokens
from mmpipe.simulator.asked_schema import AskedSchema
from mmpipe.simulator.conversation import SimulatedConversation
from mmpipe.simulator.instances import build_instance
from mmpipe.simulator.models import MODELS
from mmpipe.simulator.offered_tools import OfferedTool, call_named_tools
from mmpipe.simulator.rounds import OrderedCall, read_rounds
from mmpipe.simulator.schema_check import NoInstance
from mmpipe.text.json_encoding import format_json

_VISIBLE = re.compile(r"\S")
_MOST_CHUNKS = 1_000_000
_MOST_CHARACTERS = 100_000_000


class PartKind(Enum):
    """The kinds of parts of an answer."""

    THINKING = auto()
    TEXT = auto()
    CALL = auto()


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer, of one kind."""

    kind: PartKind
    text: str
    """The thinking, the answer, or the arguments of the call."""
    tool: str = ""
    by_word: bool = False
    """True sends each word in a chunk of its own."""


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """An answer of the simulated model."""

    parts: tuple[AnswerPart, ...]
    finish_reason: str | None
    refused: bool = False
    """True sends the text as a refusal."""

    def tokens_of(self, *kinds: PartKind) -> int:
        """Return the number of tokens in the parts of these kinds."""
        return sum(tokens.count(part.text) for part in self.parts if part.kind in kinds)


@dataclass(frozen=True, slots=True)
class AskedForm:
    """The tools that an answer may call, and the schema of its JSON."""

    tools: tuple[OfferedTool, ...] = ()
    schema: AskedSchema | None = None


def derive_answer(
    conversation: SimulatedConversation, model: str, form: AskedForm = AskedForm()
) -> SimulatedAnswer:
    """Return the next answer of a conversation, as far as it has no order in the form that the request asks for."""
    parts = (
        _special_parts(conversation, form) if conversation.is_ordered else _formed_parts(conversation, form)
    )
    parts = parts or _plain_parts(conversation, model)
    calls = any(part.kind is PartKind.CALL for part in parts)
    return SimulatedAnswer(tuple(part for part in parts if part.text), "tool_calls" if calls else "stop")


def without_thinking(answer: SimulatedAnswer) -> SimulatedAnswer:
    """Return the answer as when thinking is disabled."""
    return SimulatedAnswer(
        tuple(part for part in answer.parts if part.kind is not PartKind.THINKING), answer.finish_reason
    )


def truncate(answer: SimulatedAnswer, limit: int) -> SimulatedAnswer:
    """Cut off a longer answer at exactly `limit` tokens, thinking included (FACTS.md, "Thinking in the content")."""
    parts: list[AnswerPart] = []
    left = limit
    for part in answer.parts:
        size = tokens.count(part.text)
        if size > left:
            parts += [AnswerPart(part.kind, tokens.first(part.text, left), part.tool)] if left else []
            return SimulatedAnswer(tuple(parts), "length")
        parts.append(part)
        left -= size
    return answer


def think_twice(answer: SimulatedAnswer) -> SimulatedAnswer:
    """Split each part in two, so that thinking and text come twice in turn."""
    halves = [_split_part(part) for part in answer.parts]
    return SimulatedAnswer(
        tuple(half for turn in zip(*halves, strict=True) for half in turn if half.text), answer.finish_reason
    )


def _plain_parts(conversation: SimulatedConversation, model: str) -> list[AnswerPart]:
    prompt, results = conversation.prompt, conversation.results
    if results:
        thinking, text = prose.thinking_of_results(results), prose.answer_to_results(results, model)
    else:
        thinking, text = prose.thinking(prompt), prose.answer(prompt, model)
    if conversation.attached and MODELS[model].is_m3:
        text = f"{text} You attached {conversation.attached}."
    return [AnswerPart(PartKind.THINKING, thinking), AnswerPart(PartKind.TEXT, text)]


def _formed_parts(conversation: SimulatedConversation, form: AskedForm) -> list[AnswerPart] | None:
    """Return the calls of named tools, once for a prompt, or the JSON; None for an answer in prose."""
    prompt, results = conversation.prompt, conversation.results
    thinking = prose.thinking_of_results(results) if results else prose.thinking(prompt)
    calls = [] if conversation.answers else call_named_tools(prompt, form.tools)
    if calls:
        return [AnswerPart(PartKind.THINKING, thinking), *map(_call_part, calls)]
    if form.schema is None or conversation.follows_order:
        return None
    try:
        instance = build_instance(form.schema, "\n".join([*results, prompt]))
    except NoInstance:
        return None
    return [AnswerPart(PartKind.THINKING, thinking), AnswerPart(PartKind.TEXT, format_json(instance))]


def _call_part(call: OrderedCall) -> AnswerPart:
    return AnswerPart(PartKind.CALL, call.arguments, tool=call.tool)


def _special_parts(conversation: SimulatedConversation, form: AskedForm) -> list[AnswerPart] | None:
    name, argument = _split_name(conversation.prompt)
    thinking = AnswerPart(PartKind.THINKING, prose.thinking(conversation.prompt))
    match name:
        case "echo":
            return [thinking, AnswerPart(PartKind.TEXT, argument)]
        case "empty":
            return [thinking]
        case "think":
            thought, _, text = argument.partition("|||")
            return [AnswerPart(PartKind.THINKING, thought), AnswerPart(PartKind.TEXT, text)]
        case "length" if number := _number(argument, _MOST_CHARACTERS):
            return [thinking, AnswerPart(PartKind.TEXT, prose.of_length(number))]
        case "chunks" if number := _number(argument, _MOST_CHUNKS):
            return [thinking, AnswerPart(PartKind.TEXT, prose.of_words(number), by_word=True)]
        case "turns":
            turns = argument.split("|||")
            return [thinking, AnswerPart(PartKind.TEXT, turns[min(conversation.answers, len(turns) - 1)])]
        case "tool" | "say" if parts := _round_parts(conversation, tools=bool(form.tools)):
            return [thinking, *parts]
        case _:
            return None


def _split_name(prompt: str) -> tuple[str, str]:
    match = re.match(r"sim:(\w+)\s?", prompt)
    return (match[1], prompt[match.end() :]) if match else ("", "")


def _number(text: str, most: int) -> int:
    return min(int(text), most) if re.fullmatch(r"\d{1,12}", text.strip(), re.ASCII) else 0


def _round_parts(conversation: SimulatedConversation, *, tools: bool) -> list[AnswerPart]:
    """Return the text and calls of the next round; nothing after the last, or for calls without tools."""
    rounds = read_rounds(conversation.prompt)
    following = rounds.after(conversation.rounds) if rounds else None
    if following is None or (following.calls and not tools):
        return []
    return [AnswerPart(PartKind.TEXT, following.text), *map(_call_part, following.calls)]


def _split_part(part: AnswerPart) -> tuple[AnswerPart, AnswerPart]:
    if part.kind is PartKind.CALL:
        return AnswerPart(part.kind, ""), part
    # The second half begins with a word: line ends after a tag belong to the tag.
    start = _VISIBLE.search(part.text, (len(part.text) + 1) // 2)
    middle = start.start() if start else len(part.text)
    return AnswerPart(part.kind, part.text[:middle]), AnswerPart(part.kind, part.text[middle:])
