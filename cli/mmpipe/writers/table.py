"""Formats rows as a table for a terminal, as wide as it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mmpipe.text.visible import visible

_GAP = 2  # spaces between columns
_MIN_LAST = 30  # characters of the last column; longer cells are wrapped
_MAX_OTHER = 40  # characters of the other columns; longer cells are wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStyle:
    """Layout of a table: `width` in characters, columns of `numbers` on the right, `optional` columns dropped first."""

    width: int
    bold: bool
    numbers: Collection[str]
    optional: Sequence[str]


def format_table(columns: Sequence[str], rows: Sequence[Sequence[str]], style: TableStyle) -> str:
    """Return the table; if it is too wide, without some `optional` columns, dropped in their order."""
    from rich.console import Console
    from rich.table import Table

    shown = _select_columns(columns, rows, style)
    drawn = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold" if style.bold else ""
    )
    for name in shown:
        drawn.add_column(name, justify="right" if name in style.numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(visible(cell) for name, cell in zip(columns, row, strict=True) if name in shown))
    # With both sizes given, rich reads neither the environment nor the terminal.
    console = Console(
        width=style.width,
        height=len(rows),
        color_system="standard" if style.bold else None,
        force_terminal=True,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().rstrip("\n")


def _select_columns(
    columns: Sequence[str], rows: Sequence[Sequence[str]], style: TableStyle
) -> Sequence[str]:
    """Return the columns that fit into the width."""
    from rich.cells import cell_len

    widths = {
        name: min(_MAX_OTHER, max(cell_len(visible(cell)) for cell in (name, *cells)))
        for name, *cells in zip(columns, *rows, strict=True)
    }
    widths[columns[-1]] = min(widths[columns[-1]], _MIN_LAST)
    left = list(columns)
    for name in style.optional:
        if sum(widths[column] + _GAP for column in left) - _GAP <= style.width:
            break
        left.remove(name)
    return left
