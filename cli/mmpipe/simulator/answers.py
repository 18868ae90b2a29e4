"""Derive the answer from the prompt: always the same, and never to be taken for a model's.

A last user message that begins with ``sim:`` asks for a special answer, until the user speaks again:

* ``sim:echo TEXT``: the answer is TEXT, to the byte.
* ``sim:think A|||B``: the thinking is A, the answer is B.
* ``sim:length N``: N characters of prose.
* ``sim:chunks N``: an answer in N chunks.
* ``sim:empty``: an empty answer.
* ``sim:turns A|||B|||C``: the answer is A, after one answer B, and so on; the last one stays. Users may speak in
  between, to complain about an answer, as long as they begin with no ``sim:``.
* ``sim:tool NAME {"json": "arguments"}``: a call of the tool, if the request has tools; a line each for several, and
  lines of ``sim:say TEXT``, ``sim:then`` and ``sim:again`` for more than one round (`rounds`). Once all are played,
  the answer is in words and quotes the last results.

What a tool returns gives no orders.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from mmpipe.simulator import prose, tokens
from mmpipe.simulator.conversation import Conversation
from mmpipe.simulator.rounds import rounds_of

_VISIBLE = re.compile(r"\S")
_MOST_CHUNKS = 1_000_000
_MOST_CHARACTERS = 100_000_000


class PartKind(Enum):
    """What a part of an answer is."""

    THINKING = auto()
    TEXT = auto()
    CALL = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one kind."""

    kind: PartKind
    text: str
    """The thinking, the answer, or the arguments of the call."""
    tool: str = ""
    by_word: bool = False
    """Whether each word comes in a chunk of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that the model says in one turn."""

    parts: tuple[Part, ...]
    finish_reason: str | None

    def tokens_of(self, *kinds: PartKind) -> int:
        """Return how many tokens the parts of these kinds have."""
        return sum(tokens.count(part.text) for part in self.parts if part.kind in kinds)


def answer_to(conversation: Conversation, model: str, *, tools: bool) -> Answer:
    """Say the next thing in a conversation; ``tools`` says whether one may be called."""
    parts = _special(conversation, tools=tools) if conversation.prompt.startswith("sim:") else None
    parts = parts or _plain(conversation, model)
    calls = any(part.kind is PartKind.CALL for part in parts)
    return Answer(tuple(part for part in parts if part.text), "tool_calls" if calls else "stop")


def without_thinking(answer: Answer) -> Answer:
    """Answer at once, as when thinking is disabled."""
    return Answer(
        tuple(part for part in answer.parts if part.kind is not PartKind.THINKING), answer.finish_reason
    )


def cut_to(answer: Answer, limit: int) -> Answer:
    """Cut off a longer answer at exactly `limit` tokens, thinking included (FACTS.md, "Thinking in the content")."""
    kept: list[Part] = []
    left = limit
    for part in answer.parts:
        size = tokens.count(part.text)
        if size > left:
            kept += [Part(part.kind, tokens.first(part.text, left), part.tool)] if left else []
            return Answer(tuple(kept), "length")
        kept.append(part)
        left -= size
    return answer


def think_twice(answer: Answer) -> Answer:
    """Split each part in two, so that the turn thinks, speaks, thinks and speaks again."""
    halves = [_halves(part) for part in answer.parts]
    return Answer(
        tuple(half for turn in zip(*halves, strict=True) for half in turn if half.text), answer.finish_reason
    )


def _plain(conversation: Conversation, model: str) -> list[Part]:
    prompt, results = conversation.prompt, conversation.results
    if results:
        thinking, text = prose.thinking_of_results(results), prose.answer_to_results(results, model)
    else:
        thinking, text = prose.thinking(prompt), prose.answer(prompt, model)
    return [Part(PartKind.THINKING, thinking), Part(PartKind.TEXT, text)]


def _special(conversation: Conversation, *, tools: bool) -> list[Part] | None:
    name, argument = _split_name(conversation.prompt)
    thinking = Part(PartKind.THINKING, prose.thinking(conversation.prompt))
    match name:
        case "echo":
            return [thinking, Part(PartKind.TEXT, argument)]
        case "empty":
            return [thinking]
        case "think":
            thought, _, text = argument.partition("|||")
            return [Part(PartKind.THINKING, thought), Part(PartKind.TEXT, text)]
        case "length" if number := _number(argument, _MOST_CHARACTERS):
            return [thinking, Part(PartKind.TEXT, prose.of_length(number))]
        case "chunks" if number := _number(argument, _MOST_CHUNKS):
            return [thinking, Part(PartKind.TEXT, prose.of_words(number), by_word=True)]
        case "turns":
            turns = argument.split("|||")
            return [thinking, Part(PartKind.TEXT, turns[min(conversation.answers, len(turns) - 1)])]
        case "tool" | "say" if parts := _in_round(conversation, tools=tools):
            return [thinking, *parts]
        case _:
            return None


def _split_name(prompt: str) -> tuple[str, str]:
    match = re.match(r"sim:(\w+)\s?", prompt)
    return (match[1], prompt[match.end() :]) if match else ("", "")


def _number(text: str, most: int) -> int:
    return min(int(text), most) if re.fullmatch(r"\d{1,12}", text.strip(), re.ASCII) else 0


def _in_round(conversation: Conversation, *, tools: bool) -> list[Part]:
    """Return what is said and called in the round that is due; nothing if there is none or it may not be played."""
    rounds = rounds_of(conversation.prompt)
    due = rounds.after(conversation.rounds) if rounds else None
    if due is None or (due.calls and not tools):
        return []
    calls = [Part(PartKind.CALL, call.arguments, tool=call.tool) for call in due.calls]
    return [Part(PartKind.TEXT, due.said), *calls]


def _halves(part: Part) -> tuple[Part, Part]:
    if part.kind is PartKind.CALL:
        return Part(part.kind, ""), part
    # The second half begins with a word: line ends after a tag belong to the tag.
    start = _VISIBLE.search(part.text, (len(part.text) + 1) // 2)
    middle = start.start() if start else len(part.text)
    return Part(part.kind, part.text[:middle]), Part(part.kind, part.text[middle:])
