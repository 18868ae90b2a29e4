"""Leaf blocks while they are read: a paragraph, a table, or verbatim text, which knows its last line."""

import re
from dataclasses import field
from typing import Final, Literal

from markdown_it.rules_block.html_block import HTML_SEQUENCES

from mmpipe.dataclass import dataclass
from mmpipe.writers.markdown.blocks import Margin, VerbatimKind
from mmpipe.writers.markdown.containers import CODE_INDENT

# The info string after backticks holds no backtick: otherwise the line is inline code.
_FENCE: Final = re.compile(r"(?P<fence>`{3,}+(?=[^`]*$)|~{3,}+)[ \t]*(?P<language>[\w+#.-]*)")
_FORMULAS: Final = {"$$": re.compile(r"\$\$[ \t]*$"), "\\[": re.compile(r"\\\][ \t]*$")}
_LESS_INDENT: Final = re.compile(r"^ {0,3}[^ \t]")
_BLANK: Final = re.compile(r"^[ \t]*$")


@dataclass(slots=True)
class OpenParagraph:
    """Paragraph of which lines may follow; each part ends with a newline, except pieces of a very long line."""

    margin: Margin
    parts: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def text(self) -> str:
        """The lines so far."""
        return "".join(self.parts).strip("\n")

    def add(self, text: str) -> None:
        """Add a line or a piece of a line."""
        self.parts.append(text)
        self.size += len(text)

    def cut(self) -> str:
        """Return all but a last word that may not be whole; that stays, without the marks of list items around it."""
        text = "".join(self.parts)
        end = max(text.rfind(" "), text.rfind("\n")) + 1 or len(text)
        self.parts, self.size = [text[end:]], len(text) - end
        self.margin = Margin(self.margin.rest, self.margin.rest)
        return text[:end].strip("\n ")


@dataclass(frozen=True, slots=True)
class OpenTable:
    """Table of so many columns, of which rows may follow."""

    columns: int


@dataclass(slots=True)
class OpenVerbatim:
    """Lines that are not read as Markdown, until one in which `closing` is found.

    That line is part of the block, dropped, or left to be read as Markdown. `blanks` are blank lines that may be the last.
    """

    kind: VerbatimKind
    closing: re.Pattern[str]
    last: Literal["part", "dropped", "left"]
    indent: int = 0  # columns of it that are not part of a line
    language: str = ""
    blanks: int = 0


def open_fence(text: str, indent: int) -> OpenVerbatim | None:
    """Return the block that a fence opens, with `indent` columns before the fence."""
    found = _FENCE.match(text)
    if found is None:
        return None
    fence = found["fence"]
    closing = re.compile(rf"^ {{0,3}}{fence[0]}{{{len(fence)},}}+[ \t]*$")
    return OpenVerbatim("code", closing, "dropped", indent, found["language"])


def open_formula(text: str) -> OpenVerbatim | None:
    """Return the block that begins with two dollars or a bracket behind a backslash, unless it ends on the same line."""
    closing = _FORMULAS.get(text[:2])
    if closing is None or closing.search(text, 2):
        return None
    return OpenVerbatim("math", closing, "part")


def open_html(text: str, *, in_paragraph: bool) -> OpenVerbatim | None:
    """Return the block that an HTML tag or comment opens."""
    if not text.startswith("<"):
        return None
    for opening, closing, may_interrupt in HTML_SEQUENCES:
        if opening.search(text) and (may_interrupt or not in_paragraph):
            # Blank lines end some of them.
            ends_at_blank = closing.pattern == "^$"
            return (
                OpenVerbatim("html", _BLANK, "left")
                if ends_at_blank
                else OpenVerbatim("html", closing, "part")
            )
    return None


def open_indented_code() -> OpenVerbatim:
    """Return the block of code that is only indented."""
    return OpenVerbatim("code", _LESS_INDENT, "left", CODE_INDENT)
