"""Blocks of Markdown in the order of the text: a closed union. A block of many lines comes as several values."""

from typing import Literal

from mmpipe.dataclass import dataclass

Alignment = Literal["left", "right", "center"]
VerbatimKind = Literal["code", "html", "math"]


@dataclass(frozen=True, slots=True)
class Margin:
    """Text left of a block, made by the quotes and list items around it: on its first line, and on the rest."""

    first: str = ""
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Blank line between two blocks; `bars` are those of the quotes around both."""

    bars: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Paragraph, or the part of a very long one; empty for a list item without content."""

    margin: Margin
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Heading of a level from 1 to 6."""

    margin: Margin
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Thematic break."""

    margin: Margin


@dataclass(frozen=True, slots=True)
class VerbatimStart:
    """Beginning of code, HTML or a formula, whose lines follow; `language` is that of a fence, or empty."""

    margin: Margin
    kind: VerbatimKind
    language: str = ""


@dataclass(frozen=True, slots=True)
class VerbatimLine:
    """Line of it; a very long one comes in pieces, of which only the last `is_ended`."""

    text: str
    is_ended: bool = True


@dataclass(frozen=True, slots=True)
class VerbatimEnd:
    """End of code, HTML or a formula."""


@dataclass(frozen=True, slots=True)
class TableStart:
    """Header of a table, whose rows follow."""

    margin: Margin
    cells: tuple[str, ...]
    alignments: tuple[Alignment, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """Row of a table, with at most as many cells as the header."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableEnd:
    """End of a table."""


Block = (
    Gap
    | Paragraph
    | Heading
    | Rule
    | VerbatimStart
    | VerbatimLine
    | VerbatimEnd
    | TableStart
    | TableRow
    | TableEnd
)
