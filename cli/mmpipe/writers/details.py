"""Formats the details of a run's end for a terminal: labels in a column, texts beside it."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.text.cells import count_cells
from mmpipe.text.visible import one_line
from mmpipe.writers.terminal import Painter, Role

_NARROWEST: Final = 20  # cells of a text beside its label


@dataclass(frozen=True, slots=True)
class Detail:
    """A line below the outcome of a run: a label by its role, and a text.

    A command is never broken into lines; all of its characters must be printable.
    """

    label: str
    text: str
    role: Role
    is_command: bool = False


def format_details(details: Sequence[Detail], width: int, painter: Painter) -> Iterator[str]:
    """Yield the lines: the labels in a column, and the texts beside it, broken to the width of the terminal."""
    column = max((len(each.label) for each in details), default=0)
    indent = " " * (column + 4)
    for each in details:
        room = max(_NARROWEST, width - 1 - len(indent))
        lines = [each.text] if each.is_command else _wrap(one_line(each.text), room)
        label = f"  {painter.paint(each.role, each.label)}"
        gap = " " * (column + 2 - len(each.label))
        yield f"{label}{gap}{lines[0]}" if lines else label
        yield from (f"{indent}{line}" for line in lines[1:])


def _wrap(text: str, cells: int) -> list[str]:
    # A filler beside each wide character makes textwrap count cells.
    filled = "".join(character.ljust(count_cells(character), "\0") for character in text)
    return [line.replace("\0", "") for line in wrap(filled, cells, break_on_hyphens=False)]
