"""Draws rows as a table for a terminal, as far as it is wide; for a pipe there are tabs."""

from collections.abc import Collection, Mapping, Sequence

from mmpipe.visible import visible

_GAP = 2  # spaces between columns
_NARROWEST = 30  # characters of the last column, which may be broken into lines


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    *,
    numbers: Collection[str],
    shed: Sequence[str],
) -> str:
    """The table, without those columns of `shed`, beginning with the first, for which the terminal is too narrow.

    Columns of `numbers` are set to the right. The names are bold, unless NO_COLOR or TERM=dumb speaks against it.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False, _environ=environment)
    widths = {
        name: max(cell_len(visible(cell)) for cell in (name, *cells))
        for name, *cells in zip(columns, *rows, strict=True)
    }
    widths[columns[-1]] = min(widths[columns[-1]], _NARROWEST)
    left = list(columns)
    for name in shed:
        if sum(widths[column] + _GAP for column in left) - _GAP <= console.width:
            break
        left.remove(name)
    # rich itself takes NO_COLOR to allow bold letters.
    style = "" if environment.get("NO_COLOR") else "bold"
    drawn = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style=style)
    for name in left:
        drawn.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(visible(cell) for name, cell in zip(columns, row, strict=True) if name in left))
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().rstrip("\n")
