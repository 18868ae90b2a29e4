"""Finds the fenced code blocks of a Markdown text, as CommonMark defines them; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
# The info string after backticks holds no backtick: otherwise the line is inline code.
_FENCE: Final = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}+(?=[^`]*\Z)|~{3,}+)(?P<info>.*)", re.DOTALL)
_DEEPEST_INDENT: Final = 3


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block: the info string of its opening fence, and the lines inside, to the byte."""

    info: str
    content: str

    @property
    def is_json(self) -> bool:
        """True if the info string names JSON."""
        return self.info.split(maxsplit=1)[:1] in (["json"], ["JSON"])


def find_blocks(text: str) -> Iterator[CodeBlock]:
    """The fenced blocks of `text`; the last may be open to the end."""
    # Not splitlines(), which ends a line at ten more characters.
    lines = iter(_LINE.findall(text))
    for line in lines:
        opening = _FENCE.fullmatch(line.rstrip())
        if opening:
            content = _read_until_closed(lines, opening["fence"], len(opening["indent"]))
            yield CodeBlock(opening["info"], "".join(content))


def lines_outside_blocks(text: str) -> Iterator[tuple[int, str]]:
    """The lines of `text` outside fenced blocks, each with its place; the lines of the fences are no such lines."""
    fence = ""
    for found in _LINE.finditer(text):
        line, place = found[0], found.start()
        if fence:
            fence = "" if _is_closing(line, fence) else fence
        elif opening := _FENCE.fullmatch(line.rstrip()):
            fence = opening["fence"]
        else:
            yield place, line


def _read_until_closed(lines: Iterator[str], fence: str, indent: int) -> Iterator[str]:
    for line in lines:
        if _is_closing(line, fence):
            return
        yield line[min(indent, _indent(line)) :]


def _is_closing(line: str, fence: str) -> bool:
    mark = line.rstrip(" \t\r\n").lstrip(" ")
    is_fence = len(mark) >= len(fence) and not mark.strip(fence[0])
    return is_fence and _indent(line) <= _DEEPEST_INDENT


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
