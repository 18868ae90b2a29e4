"""Cut the calls of an answer into the pieces in which they are streamed (FACTS.md, "Tool calls")."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

from mmpipe.simulator.answers import AnswerPart
from mmpipe.simulator.dialects import Dialect

_CUTS = (1, 2)
_TYPE_REPEATED_EVERY = 3


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of the arguments of a tool call; the first one names the tool."""

    index: int
    arguments: str
    tool: str = ""
    repeats_type: bool = False
    """True if a later piece repeats the type of the call."""


def cut_calls(parts: Sequence[AnswerPart], dialects: Collection[Dialect]) -> Iterator[CallPiece]:
    """Return the pieces of all calls, in their order."""
    for index, part in enumerate(parts):
        at_finish = Dialect.CALL_AT_FINISH in dialects and index == len(parts) - 1
        texts = [part.text] if at_finish else _cut_arguments(part.text, dialects)
        yield CallPiece(index, texts[0], part.tool)
        for number, text in enumerate(texts[1:], 1):
            repeats = Dialect.CALL_CUT in dialects and number % _TYPE_REPEATED_EVERY == 0
            yield CallPiece(index, text, repeats_type=repeats)


def join_calls(pieces: Sequence[CallPiece]) -> list[CallPiece]:
    """Join the pieces of each call, as in an unstreamed answer."""
    named = [piece for piece in pieces if piece.tool]
    return [
        replace(first, arguments="".join(piece.arguments for piece in pieces if piece.index == first.index))
        for first in named
    ]


def _cut_arguments(text: str, dialects: Collection[Dialect]) -> list[str]:
    if Dialect.CALL_CUT not in dialects:
        middle = (len(text) + 1) // 2
        return [text[:middle], text[middle:]]
    ends = list(_ends(len(text)))
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _ends(length: int) -> Iterator[int]:
    end = 0
    for step in cycle(_CUTS):
        if end >= length:
            return
        end += step
        yield min(end, length)
