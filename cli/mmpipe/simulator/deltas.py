"""Lay an answer out as the pieces that go over the wire, tags included."""

import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from mmpipe.simulator import tokens
from mmpipe.simulator.answers import Answer, Part, PartKind
from mmpipe.simulator.call_pieces import CallPiece, call_pieces
from mmpipe.simulator.chat_request import ChatRequest
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.models import Model

_SHORTEST_CHUNK = 40
_LONGEST_CHUNK = 150
_AROUND_TAGS = re.compile(r"(.?</?(?:mm:)?think>\n*.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one chunk adds; None where its key is absent."""

    content: str | None = None
    reasoning: str | None = None
    call: CallPiece | None = None
    answers: bool = False
    """Whether a piece of the visible answer, or of a call, is in it."""

    @property
    def tokens(self) -> int:
        """How much the model has to produce for it."""
        return tokens.count(
            (self.content or self.reasoning or "") + (self.call.arguments if self.call else "")
        )


@dataclass(frozen=True, slots=True)
class _Tags:
    """What stands around thinking in native content (FACTS.md, "Thinking in the content")."""

    opener: str
    closer: str
    gap: str
    """Comes before an answer, if there is one."""


def deltas_of(answer: Answer, request: ChatRequest, dialects: Collection[Dialect]) -> list[Delta]:
    """Return the pieces of an answer, each holding only what is new."""
    spoken = [part for part in answer.parts if part.kind is not PartKind.CALL]
    lay_out = _split if request.split else _native
    deltas = lay_out(spoken, request, dialects)
    called = [part for part in answer.parts if part.kind is PartKind.CALL]
    deltas += [Delta("", call=piece, answers=True) for piece in call_pieces(called, dialects)]
    # The finish stands in a delta of content: in split mode that of thinking will not do (FACTS.md, "Chunks").
    if not deltas or (request.split and not any(delta.answers for delta in deltas)):
        deltas.append(Delta(""))
    return deltas


def repeat_so_far(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Speak the dialect ``cumulative``: each delta holds the whole text so far."""
    content = reasoning = ""
    for delta in deltas:
        content += delta.content or ""
        reasoning += delta.reasoning or ""
        yield replace(
            delta,
            content=None if delta.content is None else content,
            reasoning=None if delta.reasoning is None else reasoning,
        )


def cut(part: Part) -> list[str]:
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
    # Any length in the range will do, if the same text is always cut in the same places.
    wanted = start + _SHORTEST_CHUNK + zlib.crc32(b"%d" % start) % (_LONGEST_CHUNK - _SHORTEST_CHUNK)
    space = text.find(" ", wanted, start + _LONGEST_CHUNK)
    return wanted if space < 0 else space


def _split(parts: list[Part], request: ChatRequest, dialects: Collection[Dialect]) -> list[Delta]:
    thoughts = [piece for part in parts if part.kind is PartKind.THINKING for piece in cut(part)]
    texts = [piece for part in parts if part.kind is PartKind.TEXT for piece in cut(part)]
    if Dialect.LEFTOVER_CLOSER in dialects and thoughts:
        thoughts = [*thoughts[:-1], thoughts[-1] + "\n</thi", "nk>"]
    elif Dialect.LEFTOVER_CLOSER in dialects and not request.thinks:
        texts = ["</think>" + "".join(texts[:1]), *texts[1:]]
    # The first delta of thinking has no content, the others have an empty one (FACTS.md, "Chunks").
    reasoning = [Delta("" if index else None, piece) for index, piece in enumerate(thoughts)]
    return reasoning + [Delta(piece, answers=True) for piece in texts]


def _native(parts: list[Part], request: ChatRequest, dialects: Collection[Dialect]) -> list[Delta]:
    tags = _tags(request.model, dialects)
    deltas: list[Delta] = []
    thought = False
    for part in parts:
        pieces = cut(part)
        if part.kind is PartKind.THINKING:
            # A further block begins a line.
            here = replace(tags, opener=f"\n{tags.opener}") if deltas else tags
            deltas += _tagged(pieces, here, mirrored=Dialect.MIRRORED in dialects)
        else:
            # The chunk that closes the thinking goes on with the answer (FACTS.md, "Thinking in the content").
            if thought:
                deltas[-1] = replace(
                    deltas[-1], content=f"{deltas[-1].content}{tags.gap}{pieces.pop(0)}", answers=True
                )
            deltas += [Delta(piece, answers=True) for piece in pieces]
        thought = part.kind is PartKind.THINKING
    return list(chain.from_iterable(map(_by_character, deltas))) if Dialect.TAG_CUT in dialects else deltas


def _tagged(thoughts: list[str], tags: _Tags, *, mirrored: bool) -> list[Delta]:
    contents = [tags.opener + thoughts[0], *thoughts[1:]]
    contents[-1] += tags.closer
    return [
        Delta(content, thought if mirrored else None)
        for content, thought in zip(contents, thoughts, strict=True)
    ]


def _tags(model: Model, dialects: Collection[Dialect]) -> _Tags:
    closer = "</mm:think>" if Dialect.MM_CLOSER in dialects else "</think>"
    tags = (
        _Tags("<think>", f"{closer}\n\n", "")
        if model.tight_tags
        else _Tags("<think>\n", f"\n{closer}\n", "\n")
    )
    return replace(tags, opener="") if Dialect.NO_OPENING_TAG in dialects else tags


def _by_character(delta: Delta) -> Iterator[Delta]:
    reasoning = delta.reasoning
    for index, stretch in enumerate(_AROUND_TAGS.split(delta.content or "")):
        for piece in stretch if index % 2 else filter(None, [stretch]):
            yield replace(delta, content=piece, reasoning=reasoning)
            reasoning = None
