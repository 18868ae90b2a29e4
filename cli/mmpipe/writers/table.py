"""Draws rows as a table for a terminal, as far as it is wide; for a pipe there are tabs."""

import os
from collections.abc import Collection, Mapping, Sequence

from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output

_GAP = 2  # spaces between columns
_NARROWEST = 30  # characters of the last column, which may be broken into lines
_WIDEST = 40  # of the others; what is longer is broken too
_WIDTH = 80  # where nobody says how wide the terminal is


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    bold: bool,
    numbers: Collection[str],
    shed: Sequence[str],
) -> str:
    """The table, without those columns of `shed`, beginning with the first, for which `width` is too narrow.

    Columns of `numbers` are set to the right. Names are `bold`.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    widths = {
        name: min(_WIDEST, max(cell_len(visible(cell)) for cell in (name, *cells)))
        for name, *cells in zip(columns, *rows, strict=True)
    }
    widths[columns[-1]] = min(widths[columns[-1]], _NARROWEST)
    left = list(columns)
    for name in shed:
        if sum(widths[column] + _GAP for column in left) - _GAP <= width:
            break
        left.remove(name)
    drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold" if bold else "")
    for name in left:
        drawn.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(visible(cell) for name, cell in zip(columns, row, strict=True) if name in left))
    # With both sizes given, rich asks neither the environment nor the terminal.
    console = Console(
        width=width,
        height=len(rows),
        color_system="standard" if bold else None,
        force_terminal=True,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().rstrip("\n")


def width_of(output: Output, environment: Mapping[str, str]) -> int:
    """The columns of a terminal: what COLUMNS says if it is a number above 0, what the terminal says, or 80."""
    said = environment.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(output.descriptor).columns or _WIDTH
    except OSError:
        return _WIDTH


def wants_style(environment: Mapping[str, str]) -> bool:
    """Whether a person has nothing against bold letters (NO_COLOR, TERM=dumb)."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "") not in ("", "dumb", "unknown")
