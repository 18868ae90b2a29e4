"""Reads the lines of a table, as GitHub's Markdown has them."""

import re
from typing import Final

from mmpipe.writers.markdown.blocks import Alignment

_DELIMITERS: Final = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*(?:\||$))+[ \t]*")
_BORDER: Final = re.compile(r"(?<!\\)\|")
_ALIGNMENTS: Final[dict[tuple[bool, bool], Alignment]] = {
    (False, False): "left",
    (True, False): "left",
    (False, True): "right",
    (True, True): "center",
}


def read_alignments(line: str) -> tuple[Alignment, ...]:
    """Return the alignment of each column if `line` is the line below a header, else nothing."""
    if "|" not in line or not _DELIMITERS.fullmatch(line):
        return ()
    return tuple(_ALIGNMENTS[cell.startswith(":"), cell.endswith(":")] for cell in split_cells(line))


def split_cells(line: str) -> list[str]:
    """Return the cells of a row, without the bars and the spaces around them."""
    cells = _BORDER.split(line.strip(" \t"))
    if not cells[0].strip(" \t"):
        del cells[0]
    if cells and not cells[-1].strip(" \t"):
        del cells[-1]
    return [cell.strip(" \t").replace(r"\|", "|") for cell in cells]


def read_row(line: str, columns: int) -> tuple[str, ...]:
    """Return at most as many cells as the header has; what is more stands in the last one."""
    cells = split_cells(line)
    if len(cells) > columns:
        cells[columns - 1 :] = [" | ".join(cells[columns - 1 :])]
    return tuple(cells)
