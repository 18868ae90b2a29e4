"""Draws blocks as the lines of a page, each once: nothing on the terminal is changed later."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, assert_never

from mmpipe.writers.markdown.blocks import (
    Block,
    Gap,
    Heading,
    Margin,
    Paragraph,
    Rule,
    TableEnd,
    TableRow,
    TableStart,
    VerbatimEnd,
    VerbatimLine,
    VerbatimStart,
)
from mmpipe.writers.markdown.inline import InlineReader
from mmpipe.writers.markdown.spans import BOLD, DIM, MAGENTA, UNDERLINED, Span, add_style, paint, split_margin
from mmpipe.writers.markdown.tables import TableDrawing
from mmpipe.writers.markdown.verbatim import VerbatimDrawing
from mmpipe.writers.markdown.wrapping import Line, measure, wrap

_LEAST: Final = 20  # cells for text, however deep it stands
_LONGEST_RULE: Final = 80
_LINE_END: Final = Span("\n")
_HEADINGS: Final = {
    1: add_style(BOLD, MAGENTA, UNDERLINED),
    2: add_style(BOLD, MAGENTA),
}  # the others are bold


class Page:
    """Page that grows downwards; `read_width` returns the columns of the terminal, which may change."""

    def __init__(self, read_width: Callable[[], int], *, has_styles: bool) -> None:
        self._read_width = read_width
        self._has_styles = has_styles
        self._inline = InlineReader(keeps_marks=not has_styles)
        self._verbatim: VerbatimDrawing | None = None
        self._table: tuple[Margin, TableDrawing] | None = None

    def draw(self, blocks: Iterable[Block]) -> str:
        """Return the text for the terminal."""
        return "".join(
            paint(line, has_styles=self._has_styles) for block in blocks for line in self._draw(block)
        )

    def _draw(self, block: Block) -> Iterator[Line]:
        match block:
            case Gap(bars):
                yield [Span(bars.rstrip(" "), DIM), _LINE_END]
            case Paragraph(margin, text):
                yield from self._flow(margin, self._inline.read(text))
            case Heading(margin, level, text):
                yield from self._flow(margin, self._read_heading(level, text))
            case Rule(margin):
                width = min(_LONGEST_RULE, self._find_width(margin))
                yield [*split_margin(margin.first), Span("─" * width, DIM), _LINE_END]
            case VerbatimStart() | VerbatimLine() | VerbatimEnd():
                yield from self._draw_verbatim(block)
            case TableStart() | TableRow() | TableEnd():
                yield from self._draw_table(block)
            case _:
                assert_never(block)

    def _read_heading(self, level: int, text: str) -> list[Span]:
        marks = [] if self._has_styles else [Span("#" * level + " ")]
        return [*marks, *self._inline.read(text, _HEADINGS.get(level, BOLD))]

    def _find_width(self, margin: Margin) -> int:
        """Return the cells for text beside a margin."""
        return max(_LEAST, self._read_width() - measure([Span(margin.rest)]))

    def _flow(self, margin: Margin, spans: list[Span]) -> Iterator[Line]:
        return _set(margin, wrap(spans, self._find_width(margin)))

    def _draw_verbatim(self, block: VerbatimStart | VerbatimLine | VerbatimEnd) -> Iterator[Line]:
        if isinstance(block, VerbatimStart):
            self._verbatim = VerbatimDrawing(block)
            yield from self._verbatim.begin()
        elif self._verbatim is None:
            return
        elif isinstance(block, VerbatimLine):
            yield from self._verbatim.add(block)
        else:
            yield from self._verbatim.end()
            self._verbatim = None

    def _draw_table(self, block: TableStart | TableRow | TableEnd) -> Iterator[Line]:
        if isinstance(block, TableStart):
            self._table = block.margin, TableDrawing(block, self._inline)
        elif self._table is not None:
            margin, table = self._table
            width = self._find_width(margin)
            lines = list(table.add(block, width) if isinstance(block, TableRow) else table.end(width))
            yield from _set(margin, lines)
            if lines:
                # Only the very first line of a table has the mark of a list item before it.
                self._table = Margin(margin.rest, margin.rest), table


def _set(margin: Margin, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines behind the margin, without spaces at their ends."""
    before = margin.first
    for line in lines:
        yield [*_strip([*split_margin(before), *line]), _LINE_END]
        before = margin.rest


def _strip(line: Line) -> Line:
    """Return the line without spaces at its end."""
    while line and not line[-1].text.rstrip(" "):
        line = line[:-1]
    return [*line[:-1], Span(line[-1].text.rstrip(" "), line[-1].style)] if line else []
