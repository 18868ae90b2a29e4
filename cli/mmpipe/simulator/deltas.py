"""Cut an answer into deltas, with the tags of thinking."""

import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from mmpipe.dataclass import dataclass
from mmpipe.simulator import tokens
from mmpipe.simulator.answers import AnswerPart, PartKind, SimulatedAnswer
from mmpipe.simulator.call_pieces import CallPiece, cut_calls
from mmpipe.simulator.chat_request import ChatRequest
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.models import SimulatedModel

_SHORTEST_CHUNK = 40
_LONGEST_CHUNK = 150
_AROUND_TAGS = re.compile(r"(.?</?(?:mm:)?think>\n*.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Delta:
    """The new text of one chunk; None if the key is absent."""

    content: str | None = None
    reasoning: str | None = None
    call: CallPiece | None = None
    answers: bool = False
    """True if the delta has a piece of the visible answer or of a call."""
    sealed: bool = False
    """True for the last delta of split thinking."""

    @property
    def tokens(self) -> int:
        """The number of tokens that the model produces for it."""
        return tokens.count(
            (self.content or self.reasoning or "") + (self.call.arguments if self.call else "")
        )


@dataclass(frozen=True, slots=True)
class _Tags:
    """The text around thinking in native content (FACTS.md, "Thinking in the content")."""

    opener: str
    closer: str
    gap: str
    """Comes before the answer, if there is one."""


def make_deltas(answer: SimulatedAnswer, request: ChatRequest, dialects: Collection[Dialect]) -> list[Delta]:
    """Return the pieces of an answer, each with only the new text."""
    texts = [part for part in answer.parts if part.kind is not PartKind.CALL]
    cut_parts = _split_deltas if request.split else _native_deltas
    deltas = cut_parts(texts, request, dialects)
    calls = [part for part in answer.parts if part.kind is PartKind.CALL]
    deltas += [Delta("", call=piece, answers=True) for piece in cut_calls(calls, dialects)]
    # The finish reason comes with a delta of content, never with one of thinking (FACTS.md, "Chunks").
    if not deltas or (request.split and not any(delta.answers for delta in deltas)):
        deltas.append(Delta(""))
    return deltas


def make_cumulative(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Repeat the whole text so far in each delta: the dialect ``cumulative``."""
    content = reasoning = ""
    for delta in deltas:
        content += delta.content or ""
        reasoning += delta.reasoning or ""
        yield replace(
            delta,
            content=None if delta.content is None else content,
            reasoning=None if delta.reasoning is None else reasoning,
        )


def cut(part: AnswerPart) -> list[str]:
    """Cut a text as the API does: one token first, then 40 to 150 characters (FACTS.md, "Chunks")."""
    if part.by_word:
        return re.findall(r" ?[^ ]+", part.text)
    start = len(tokens.first(part.text, 1))
    pieces = [part.text[:start]]
    while start < len(part.text):
        end = _end_of_chunk(part.text, start)
        pieces.append(part.text[start:end])
        start = end
    return pieces


def _end_of_chunk(text: str, start: int) -> int:
    # Any length in the range is right, if the same text is always cut in the same places.
    wanted = start + _SHORTEST_CHUNK + zlib.crc32(b"%d" % start) % (_LONGEST_CHUNK - _SHORTEST_CHUNK)
    space = text.find(" ", wanted, start + _LONGEST_CHUNK)
    return wanted if space < 0 else space


def _split_deltas(
    parts: list[AnswerPart], request: ChatRequest, dialects: Collection[Dialect]
) -> list[Delta]:
    thoughts = [piece for part in parts if part.kind is PartKind.THINKING for piece in cut(part)]
    texts = [piece for part in parts if part.kind is PartKind.TEXT for piece in cut(part)]
    if Dialect.LEFTOVER_CLOSER in dialects and thoughts:
        thoughts = [*thoughts[:-1], thoughts[-1] + "\n</thi", "nk>"]
    elif Dialect.LEFTOVER_CLOSER in dialects and not request.thinks:
        texts = ["</think>" + "".join(texts[:1]), *texts[1:]]
    # The first delta of thinking has no content, the others have an empty one (FACTS.md, "Chunks").
    last = len(thoughts) - 1
    reasoning = [
        Delta("" if index else None, piece, sealed=index == last) for index, piece in enumerate(thoughts)
    ]
    return reasoning + [Delta(piece, answers=True) for piece in texts]


def _native_deltas(
    parts: list[AnswerPart], request: ChatRequest, dialects: Collection[Dialect]
) -> list[Delta]:
    tags = _tags(request.model, dialects)
    deltas: list[Delta] = []
    after_thinking = False
    for part in parts:
        pieces = cut(part)
        if part.kind is PartKind.THINKING:
            # Each further block of thinking begins a line.
            here = replace(tags, opener=f"\n{tags.opener}") if deltas else tags
            deltas += _tagged(pieces, here, mirrored=Dialect.MIRRORED in dialects)
        else:
            # The chunk that ends the thinking begins the answer (FACTS.md, "Thinking in the content").
            if after_thinking:
                deltas[-1] = replace(
                    deltas[-1], content=f"{deltas[-1].content}{tags.gap}{pieces.pop(0)}", answers=True
                )
            deltas += [Delta(piece, answers=True) for piece in pieces]
        after_thinking = part.kind is PartKind.THINKING
    return list(chain.from_iterable(map(_by_character, deltas))) if Dialect.TAG_CUT in dialects else deltas


def _tagged(thoughts: list[str], tags: _Tags, *, mirrored: bool) -> list[Delta]:
    contents = [tags.opener + thoughts[0], *thoughts[1:]]
    contents[-1] += tags.closer
    return [
        Delta(content, thought if mirrored else None)
        for content, thought in zip(contents, thoughts, strict=True)
    ]


def _tags(model: SimulatedModel, dialects: Collection[Dialect]) -> _Tags:
    closer = "</mm:think>" if Dialect.MM_CLOSER in dialects else "</think>"
    opener = "<mm:think>" if Dialect.MM_OPENER in dialects else "<think>"
    tags = (
        _Tags(opener, f"{closer}\n\n", "")
        if model.tight_tags
        else _Tags(f"{opener}\n", f"\n{closer}\n", "\n")
    )
    return replace(tags, opener="") if Dialect.NO_OPENING_TAG in dialects else tags


def _by_character(delta: Delta) -> Iterator[Delta]:
    reasoning = delta.reasoning
    for index, stretch in enumerate(_AROUND_TAGS.split(delta.content or "")):
        for piece in stretch if index % 2 else filter(None, [stretch]):
            yield replace(delta, content=piece, reasoning=reasoning)
            reasoning = None
