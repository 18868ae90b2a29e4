"""Formats rows as a table for a terminal, as wide as it is."""

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mmpipe.dataclass import dataclass
from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import Painter, Role, read_terminal_width, wants_style

_GAP = 2  # spaces between columns
_MIN_LAST = 30  # characters of the last column; longer cells are wrapped
_MIN_FACT = 20  # characters of a text beside its name
_MAX_OTHER = 40  # characters of the other columns; longer cells are wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStyle:
    """Layout of a table: `width` in characters, columns of `numbers` on the right, `optional` columns dropped first.

    `faint` are numbers of rows that are dimmed.
    """

    width: int
    bold: bool
    numbers: Collection[str]
    optional: Sequence[str]
    faint: Collection[int] = ()


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
    for number, row in enumerate(rows):
        cells = (visible(cell) for name, cell in zip(columns, row, strict=True) if name in shown)
        drawn.add_row(*cells, style="dim" if style.bold and number in style.faint else "")
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
        name: min(
            _MAX_OTHER, max(cell_len(line) for cell in (name, *cells) for line in visible(cell).split("\n"))
        )
        for name, *cells in zip(columns, *rows, strict=True)
    }
    widths[columns[-1]] = min(widths[columns[-1]], _MIN_LAST)
    left = list(columns)
    for name in style.optional:
        if sum(widths[column] + _GAP for column in left) - _GAP <= style.width:
            break
        left.remove(name)
    return left


def format_facts(facts: Iterable[tuple[str, str]], output: Output, environment: Mapping[str, str]) -> str:
    """Return lines of names and texts for a terminal; a text goes on below itself."""
    found = [(name, visible(text)) for name, text in facts]
    column = max((len(name) for name, _ in found), default=0) + _GAP
    width = max(column + _MIN_FACT, read_terminal_width(output, environment))
    painter = Painter(enabled=wants_style(environment))
    return "".join(
        f"{painter.paint(Role.HEADING, name) if name else ''}{' ' * (column - len(name))}{line}\n"
        for name, line in _fold(found, width - column)
    )


def _fold(facts: Iterable[tuple[str, str]], width: int) -> Iterator[tuple[str, str]]:
    """Yield each fact as lines of that width; only the first line has the name."""
    for name, text in facts:
        first, *rest = [text] if len(text) <= width else textwrap.wrap(text, width)
        yield name, first
        yield from (("", line) for line in rest)
