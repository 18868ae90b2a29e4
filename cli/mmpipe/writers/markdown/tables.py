"""Draws a table when its end has come; one that is very long gets its columns earlier, and its further rows at once."""

from collections.abc import Iterator, Sequence

from mmpipe.writers.markdown.blocks import TableRow, TableStart
from mmpipe.writers.markdown.grid import Cell, Grid
from mmpipe.writers.markdown.inline import InlineReader
from mmpipe.writers.markdown.spans import BOLD
from mmpipe.writers.markdown.splitting import LIMIT
from mmpipe.writers.markdown.wrapping import Line


class TableDrawing:
    """Drawing of one table, without the margin of its lines."""

    def __init__(self, start: TableStart, inline: InlineReader) -> None:
        self._inline = inline
        self._alignments = start.alignments
        self._header = [inline.read(cell, BOLD) for cell in start.cells]
        self._rows: list[Sequence[Cell]] = []
        self._size = 0
        self._grid: Grid | None = None

    def add(self, row: TableRow, width: int) -> Iterator[Line]:
        """Take a row, and yield the lines that can be written: none, while the widths of the columns are open."""
        cells = [self._inline.read(cell) if cell else [] for cell in row.cells]
        if self._grid is not None:
            yield from self._grid.draw_row(cells, is_first=False)
            return
        self._rows.append(cells)
        self._size += sum(map(len, row.cells)) + len(row.cells)
        if self._size >= LIMIT:
            yield from self.end(width)

    def end(self, width: int) -> Iterator[Line]:
        """Yield the lines that are not written yet."""
        if self._grid is not None:
            return
        self._grid = Grid.fit(self._header, self._alignments, self._rows, width)
        yield from self._grid.draw_header()
        for number, cells in enumerate(self._rows):
            yield from self._grid.draw_row(cells, is_first=number == 0)
        self._rows.clear()
