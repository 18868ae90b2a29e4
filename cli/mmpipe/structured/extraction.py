"""Extracts from the text of an answer what a script asked for: valid JSON by a schema, or a code block; pure."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.structured.schema import Schema, is_too_deep
from mmpipe.text import exact_json, strict_json
from mmpipe.text.fences import find_blocks
from mmpipe.text.visible import one_line

# An answer has no more text than a model can write, and JSON is not hidden in it. These bounds keep the work of one
# answer below a second or two, and that of one call of a C function, which nothing can interrupt, far below.
MOST_CHARACTERS: Final = 2**23
MOST_VALUES: Final = 2**19  # inside one value, counted by the signs before them
MOST_CANDIDATES: Final = 1000  # code blocks, and brackets in the prose, with a JSON value behind them or not
_BEFORE_VALUES: Final = "[{,"
_TOO_MANY: Final = (
    f"There is no valid JSON in the first {MOST_CANDIDATES} code blocks and brackets of the answer."
)
# `[ ]` is an unchecked box of a task list, and no empty array.
_BRACKET: Final = re.compile(r"\{|\[(?! \])")
# Strings with all between them, or brackets. A string without its closing quote reaches to the end.
_TOKEN: Final = re.compile(r'(?:"(?:[^"\\]++|\\.?)*+(?:"|\Z)[^"\[\]{}]*+)++|[\[{]++|[\]}]', re.DOTALL)
# Finds the end of a value only; the strict reader decides whether the value is valid.
_DECODER: Final = json.JSONDecoder()

# Returns what is to be written of the text of an answer; raises InvalidText.
Extractor = Callable[[str], str]


class InvalidText(ValueError):
    """A text without what was asked for; the message says so in words for the model."""


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON value, and the text that it was read from."""

    value: object
    source: str


def extract_valid_json(text: str, schema: Schema) -> str:
    """Return the first valid JSON value in `text`, as compact JSON; raises InvalidText."""
    best: JsonText | None = None
    for found in find_json(text):
        if schema.is_valid(found.value):
            return _compact(found.source)
        best = best or found
    raise InvalidText(_describe_no_json(text) if best is None else schema.complaint(best.value))


def extract_json(text: str) -> str:
    """Return the first JSON value in `text`, as compact JSON; raises InvalidText."""
    for found in find_json(text):
        if is_too_deep(found.value):
            raise InvalidText("The JSON is nested too deep.")
        return _compact(found.source)
    raise InvalidText(_describe_no_json(text))


def extract_code(text: str) -> tuple[str, int]:
    """Return the content of the first fenced block, to the byte, and the number of blocks, counted to one above
    MOST_CANDIDATES; raises InvalidText.
    """
    _check_length(text)
    blocks = find_blocks(text)
    first = next(blocks, None)
    if first is None:
        raise InvalidText("There is no fenced code block in the answer.")
    return first.content, 1 + sum(1 for _ in islice(blocks, MOST_CANDIDATES))


def find_json(text: str) -> Iterator[JsonText]:
    """The JSON values of an answer: the whole text; otherwise its fenced blocks, then objects and arrays in the prose.

    Nothing is taken from the inside of a broken value: a part of an answer is not the answer. Raises InvalidText for an
    answer that is too large, and after the first candidates of an answer that has more.
    """
    _check_length(text)
    if sum(map(text.count, _BEFORE_VALUES)) > MOST_VALUES:
        raise InvalidText(f"The answer is too large: it holds more than {MOST_VALUES} JSON values.")
    whole = list(_parse(text))
    if whole:
        yield from whole
        return
    blocks = find_blocks(text)
    for block in sorted(islice(blocks, MOST_CANDIDATES), key=lambda block: not block.is_json):
        yield from _parse(block.content)
    yield from _find_in_prose(text)
    if next(blocks, None) is not None:
        raise InvalidText(_TOO_MANY)


def _find_in_prose(text: str) -> Iterator[JsonText]:
    position = 0
    for _ in range(MOST_CANDIDATES):
        bracket = _BRACKET.search(text, position)
        if bracket is None:
            return
        start = bracket.start()
        try:
            _, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            position = _find_closing(text, start)
        else:
            yield from _parse(text[start:position])
    if _BRACKET.search(text, position):
        raise InvalidText(_TOO_MANY)


def _check_length(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise InvalidText(f"The answer is too large: it has more than {MOST_CHARACTERS} characters.")


def _parse(text: str) -> Iterator[JsonText]:
    """The value of the whole text, if that is JSON; null is a value too."""
    try:
        value = strict_json.loads(text)
    except ValueError:
        return
    yield JsonText(value, text)


def _find_closing(text: str, start: int) -> int:
    """Return the place behind the bracket that closes the one at `start`, or the end of the text."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        match text[token.start()]:
            case "{" | "[":
                depth += token.end() - token.start()
            case "}" | "]":
                depth -= 1
        if depth == 0:
            return token.end()
    return len(text)


def _compact(source: str) -> str:
    try:
        return exact_json.compact(source)
    except UnicodeEncodeError:
        raise InvalidText("A string in the JSON holds a lone surrogate, which is no character.") from None


def _describe_no_json(text: str) -> str:
    if not text.strip():
        return "The answer is empty."
    blocks = islice(find_blocks(text), MOST_CANDIDATES)
    for source in chain((text,), (block.content for block in blocks)):
        if source.lstrip().startswith(("{", "[")):
            return f"The answer is not JSON: {_describe_fault(source)}."
    return "There is no JSON value in the answer."


def _describe_fault(source: str) -> str:
    try:
        strict_json.loads(source)
    except ValueError as error:
        return one_line(str(error), 200)
    return "it is cut off or mixed with other text"
