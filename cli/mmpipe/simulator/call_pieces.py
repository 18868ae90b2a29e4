"""Cut the calls of an answer into the pieces in which they are streamed (FACTS.md, "Tool calls")."""

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, cycle

from mmpipe.dataclass import dataclass
from mmpipe.simulator.answers import AnswerPart
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.json_text import parse

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
        whole = at_finish or shape_arguments(part.text, dialects) != part.text
        texts = [part.text] if whole else _cut_arguments(part.text, dialects)
        yield CallPiece(index, texts[0], part.tool)
        for number, text in enumerate(texts[1:], 1):
            repeats = Dialect.CALL_CUT in dialects and number % _TYPE_REPEATED_EVERY == 0
            yield CallPiece(index, text, repeats_type=repeats)


def whole_calls(parts: Sequence[AnswerPart]) -> list[CallPiece]:
    """Return the calls of an unstreamed answer."""
    return [CallPiece(index, part.text, part.tool) for index, part in enumerate(parts)]


def shape_arguments(text: str, dialects: Collection[Dialect]) -> object:
    """Return arguments as they are sent: a string, or an object or null in the dialects of these names."""
    if not {Dialect.ARGS_OBJECT, Dialect.ARGS_NULL} & set(dialects):
        return text
    try:
        value = parse(text.encode(errors="replace"))
    except (ValueError, RecursionError):
        # A piece, or arguments that are no JSON.
        return text
    if Dialect.ARGS_NULL in dialects and value == {}:
        return None
    return value if Dialect.ARGS_OBJECT in dialects and isinstance(value, dict) else text


def _cut_arguments(text: str, dialects: Collection[Dialect]) -> list[str]:
    pieces = _cut(text, dialects)
    if Dialect.ARGS_CUMULATIVE in dialects:
        return list(accumulate(pieces))
    if text == "{}":
        return pieces
    first = ["{}"] if Dialect.ARGS_PLACEHOLDER in dialects else []
    last = [text] if Dialect.ARGS_REPEATED in dialects else []
    return [*first, *pieces, *last]


def _cut(text: str, dialects: Collection[Dialect]) -> list[str]:
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
