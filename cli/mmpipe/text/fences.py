"""Finds the fenced code blocks of a Markdown text, as CommonMark defines them; pure.

Lines are read by regular expressions alone, so that a text of many lines costs little; each block costs a step.
"""

import re
from collections.abc import Iterator
from typing import Final

from mmpipe.dataclass import dataclass

# The info string after backticks holds no backtick: otherwise the line is inline code.
_OPENING: Final = re.compile(
    r"^(?P<indent> {0,3})(?P<fence>`{3,}+(?=[^`\n]*$)|~{3,}+)(?P<info>[^\n]*)\n?", re.MULTILINE
)


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
    for opening, end, _ in _find_fences(text):
        yield CodeBlock(opening["info"].rstrip(), _content(text, opening, end))


def find_outside(text: str) -> Iterator[tuple[int, int]]:
    """The start and the end of each part of `text` outside fenced blocks and their fences; a part may be empty."""
    place = 0
    for opening, _, after in _find_fences(text):
        yield place, opening.start()
        place = after
    yield place, len(text)


def _find_fences(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Each opening fence, the end of the content behind it, and the place behind the closing fence."""
    place = 0
    while opening := _OPENING.search(text, place):
        closing = _closing(opening["fence"]).search(text, opening.end())
        end, place = (len(text), len(text)) if closing is None else closing.span()
        yield opening, end, place


def _closing(fence: str) -> re.Pattern[str]:
    return re.compile(rf"^ {{0,3}}{fence[0]}{{{len(fence)},}}+[ \t\r]*$\n?", re.MULTILINE)


def _content(text: str, opening: re.Match[str], end: int) -> str:
    """The lines of a block, without the spaces by which its fence is indented."""
    content = text[opening.end() : end]
    indent = len(opening["indent"])
    return re.sub(rf"^ {{1,{indent}}}", "", content, flags=re.MULTILINE) if indent else content
