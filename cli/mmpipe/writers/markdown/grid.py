"""Lays out tables: columns as wide as their cells, wrapped cells if the terminal is narrow, lists if it is very narrow."""

from collections.abc import Iterator, Sequence
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.writers.markdown.blocks import Alignment
from mmpipe.writers.markdown.spans import BOLD, DIM, Span
from mmpipe.writers.markdown.wrapping import Line, measure, wrap

_BORDER: Final = Span(" │ ", DIM)
_CROSSING: Final = "─┼─"
_NARROWEST: Final = 7  # cells of a column whose words are cut; with less, rows become lists
_HUGE: Final = 10**9

Cell = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Grid:
    """Layout of a table: the header, the alignment and the width of each column; with `is_ruled`, lines between the rows.

    Without widths, each row is a list of its filled cells behind their labels, for a terminal of `width` cells. A short row
    ends with its last cell, so that it costs no more than its own text.
    """

    header: Sequence[Cell]
    alignments: Sequence[Alignment]
    widths: Sequence[int]
    labels: Sequence[Line]
    width: int
    is_ruled: bool = False

    @classmethod
    def fit(
        cls,
        header: Sequence[Cell],
        alignments: Sequence[Alignment],
        rows: Sequence[Sequence[Cell]],
        width: int,
    ) -> "Grid":
        """Return the layout for these rows."""
        natural = [1] * len(header)
        for cells in (header, *rows):
            for column, cell in enumerate(cells):
                natural[column] = max(natural[column], *map(measure, wrap(cell, _HUGE)))
        space = width - len(_BORDER.text) * (len(natural) - 1)
        widths = _share(natural, space)
        if any(got < min(wanted, _NARROWEST) for got, wanted in zip(widths, natural, strict=True)):
            # A long title would be repeated for each row.
            labels = [
                [*wrap(title, width // 2, folds=True)[0], Span(": ", BOLD)] if title else []
                for title in header
            ]
            return cls(header, alignments, (), labels, width)
        return cls(header, alignments, widths, (), width, is_ruled=sum(natural) > space)

    def draw_header(self) -> Iterator[Line]:
        """Yield the lines of the header."""
        if self.widths:
            yield from self._draw(self.header)
            yield self._rule

    def draw_row(self, cells: Sequence[Cell], *, is_first: bool) -> Iterator[Line]:
        """Yield the lines of a row."""
        if self.widths:
            if self.is_ruled and not is_first and any(cells):
                yield self._rule
            yield from self._draw(cells)
            return
        filled = [(label, cell) for label, cell in zip(self.labels, cells, strict=False) if cell]
        if filled and not is_first:
            yield []
        for label, cell in filled:
            yield from wrap([*label, *cell], self.width, folds=True)

    @property
    def _rule(self) -> Line:
        return [Span(_CROSSING.join("─" * width for width in self.widths), DIM)]

    def _draw(self, cells: Sequence[Cell]) -> Iterator[Line]:
        columns = [wrap(cell, width, folds=True) for cell, width in zip(cells, self.widths, strict=False)]
        for number in range(max(map(len, columns), default=1)):
            line: Line = []
            for column, lines in enumerate(columns):
                text = lines[number] if number < len(lines) else []
                line += [_BORDER] if column else []
                line += self._align(text, column, is_last=column == len(columns) - 1)
            yield line

    def _align(self, text: Line, column: int, *, is_last: bool) -> Line:
        free = max(0, self.widths[column] - measure(text))
        before = {"left": 0, "center": free // 2, "right": free}[self.alignments[column]]
        after = 0 if is_last else free - before
        return [Span(" " * before), *text, Span(" " * after)]


def _share(natural: Sequence[int], space: int) -> list[int]:
    """Return a width for each column: what it needs, or an equal part of what the narrower ones leave."""
    widths = [0] * len(natural)
    left = space
    by_width = sorted(range(len(natural)), key=natural.__getitem__)
    for done, column in enumerate(by_width):
        widths[column] = max(0, min(natural[column], left // (len(natural) - done)))
        left -= widths[column]
    return widths
