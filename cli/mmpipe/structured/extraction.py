"""Takes out of an answer what a script asked for: JSON that fits a schema, or a block of code; pure."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mmpipe.structured.schema import Schema, is_too_deep
from mmpipe.text import exact_json, strict_json
from mmpipe.text.visible import one_line

# How many brackets that open no JSON are looked at; telling where one failed takes time that grows with the
# text, and an answer with so many is no JSON in a few words.
_PATIENCE: Final = 1000
# An empty box of a list of tasks is no empty array.
_BRACKET: Final = re.compile(r"\{|\[(?! \])")
# A string that is never closed holds all the rest.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[{]+|[\]}]', re.DOTALL)
# Only says where a value ends; whether it is one, the strict reader does.
_DECODER: Final = json.JSONDecoder()
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
# The info string of backticks holds none, or else it is code in a line.
_FENCE: Final = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}+(?=[^`]*\Z)|~{3,}+)(?P<info>.*)", re.DOTALL)
_DEEPEST_INDENT: Final = 3


# Extracts from the text of an answer what is written of it; raises InvalidText.
Extractor = Callable[[str], str]


class InvalidText(ValueError):
    """A text without what was asked for; its message says so in words for the model."""


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value, to be checked, and how it was written."""

    value: object
    source: str


@dataclass(frozen=True, slots=True)
class _Block:
    info: str
    content: str

    @property
    def is_json(self) -> bool:
        return self.info.split(maxsplit=1)[:1] in (["json"], ["JSON"])


def instruction(schema: Schema) -> str:
    """What a system message says, so that the answer can be read by a program."""
    return (
        "Your answer is read by a program. Answer with exactly one JSON value and nothing else: no words "
        "before or after it, no code fence, no comments. It must be valid against this JSON Schema (give a "
        f"value that fits it, not the schema itself):\n{schema.text}"
    )


def fit_schema(text: str, schema: Schema) -> str:
    """The first JSON value in `text` that is valid, as compact JSON; raises InvalidText."""
    refused: str | None = None
    for found in find_json(text):
        complaint = schema.complaint(found.value)
        if complaint is None:
            return _compact(found.source)
        refused = refused or complaint
    raise InvalidText(refused or _no_json(text))


def extract_json(text: str) -> str:
    """The first JSON value in `text`, as compact JSON; raises InvalidText."""
    for found in find_json(text):
        if is_too_deep(found.value):
            raise InvalidText("The JSON is nested too deep.")
        return _compact(found.source)
    raise InvalidText(_no_json(text))


def extract_code(text: str) -> tuple[str, int]:
    """What stands in the first fenced block, to the byte, and how many blocks there are; raises InvalidText."""
    blocks = list(_blocks(text))
    if not blocks:
        raise InvalidText("There is no fenced code block in the answer.")
    return blocks[0].content, len(blocks)


def find_json(text: str) -> Iterator[Found]:
    """The JSON values in an answer: all of it; else its fenced blocks, then objects and arrays in the prose.

    Nothing is taken out of the inside of what is broken: a piece of an answer is not the answer.
    """
    whole = list(_read(text))
    if whole:
        yield from whole
        return
    for block in sorted(_blocks(text), key=lambda block: not block.is_json):
        yield from _read(block.content)
    yield from _in_prose(text)


def _in_prose(text: str) -> Iterator[Found]:
    position = failures = 0
    while failures < _PATIENCE and (bracket := _BRACKET.search(text, position)):
        start = bracket.start()
        try:
            _, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            failures += 1
            position = _end_of_brackets(text, start)
        else:
            yield from _read(text[start:position])


def _read(text: str) -> Iterator[Found]:
    """The value that all of `text` is, if it is one; null is one too."""
    try:
        value = strict_json.loads(text)
    except ValueError:
        return
    yield Found(value, text)


def _end_of_brackets(text: str, start: int) -> int:
    """Behind the bracket that closes the one at `start`; the end of the text if none does."""
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


def _blocks(text: str) -> Iterator[_Block]:
    """The fenced blocks as CommonMark has them; the last may be open to the end."""
    # Not splitlines(), to which a line ends in ten more ways.
    lines = iter(_LINE.findall(text))
    for line in lines:
        opening = _FENCE.fullmatch(line.rstrip())
        if opening:
            inside = _until_closed(lines, opening["fence"], len(opening["indent"]))
            yield _Block(opening["info"], "".join(inside))


def _until_closed(lines: Iterator[str], fence: str, indent: int) -> Iterator[str]:
    for line in lines:
        if _closes(line, fence):
            return
        yield line[min(indent, _indent(line)) :]


def _closes(line: str, fence: str) -> bool:
    mark = line.rstrip(" \t\r\n").lstrip(" ")
    is_fence = len(mark) >= len(fence) and not mark.strip(fence[0])
    return is_fence and _indent(line) <= _DEEPEST_INDENT


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _compact(source: str) -> str:
    try:
        return exact_json.compact(source)
    except UnicodeEncodeError:
        raise InvalidText(
            "A string in the JSON holds half of a surrogate pair, which is no character."
        ) from None


def _no_json(text: str) -> str:
    if not text.strip():
        return "The answer is empty."
    for source in (text, *(block.content for block in _blocks(text))):
        if source.lstrip().startswith(("{", "[")):
            return f"The answer is not JSON: {_fault(source)}."
    return "There is no JSON value in the answer."


def _fault(source: str) -> str:
    try:
        strict_json.loads(source)
    except ValueError as error:
        return one_line(str(error), 200)
    return "it is cut off or mixed with other text"
