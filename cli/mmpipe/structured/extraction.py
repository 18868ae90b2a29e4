"""Extracts from the text of an answer what a script asked for: valid JSON by a schema, or a code block; pure."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mmpipe.structured.schema import Schema, is_too_deep
from mmpipe.text import exact_json, strict_json
from mmpipe.text.fences import find_blocks
from mmpipe.text.visible import one_line

# The most brackets without a JSON value behind them. Each search takes time that grows with the text, and an
# answer with more of them is not JSON within a few words.
_MAX_FAILURES: Final = 1000
# `[ ]` is an unchecked box of a task list, and no empty array.
_BRACKET: Final = re.compile(r"\{|\[(?! \])")
# A string without its closing quote reaches to the end.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[{]+|[\]}]', re.DOTALL)
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
    first_complaint: str | None = None
    for found in find_json(text):
        complaint = schema.complaint(found.value)
        if complaint is None:
            return _compact(found.source)
        first_complaint = first_complaint or complaint
    raise InvalidText(first_complaint or _describe_no_json(text))


def extract_json(text: str) -> str:
    """Return the first JSON value in `text`, as compact JSON; raises InvalidText."""
    for found in find_json(text):
        if is_too_deep(found.value):
            raise InvalidText("The JSON is nested too deep.")
        return _compact(found.source)
    raise InvalidText(_describe_no_json(text))


def extract_code(text: str) -> tuple[str, int]:
    """Return the content of the first fenced block, to the byte, and the number of blocks; raises InvalidText."""
    blocks = list(find_blocks(text))
    if not blocks:
        raise InvalidText("There is no fenced code block in the answer.")
    return blocks[0].content, len(blocks)


def find_json(text: str) -> Iterator[JsonText]:
    """The JSON values of an answer: the whole text; otherwise its fenced blocks, then objects and arrays in the prose.

    Nothing is taken from the inside of a broken value: a part of an answer is not the answer.
    """
    whole = list(_parse(text))
    if whole:
        yield from whole
        return
    for block in sorted(find_blocks(text), key=lambda block: not block.is_json):
        yield from _parse(block.content)
    yield from _find_in_prose(text)


def _find_in_prose(text: str) -> Iterator[JsonText]:
    position = failures = 0
    while failures < _MAX_FAILURES and (bracket := _BRACKET.search(text, position)):
        start = bracket.start()
        try:
            _, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            failures += 1
            position = _find_closing(text, start)
        else:
            yield from _parse(text[start:position])


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
    for source in (text, *(block.content for block in find_blocks(text))):
        if source.lstrip().startswith(("{", "[")):
            return f"The answer is not JSON: {_describe_fault(source)}."
    return "There is no JSON value in the answer."


def _describe_fault(source: str) -> str:
    try:
        strict_json.loads(source)
    except ValueError as error:
        return one_line(str(error), 200)
    return "it is cut off or mixed with other text"
