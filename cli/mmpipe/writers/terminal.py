"""Abilities of a terminal: redrawing, colour and width, from the terminal itself and from TERM, NO_COLOR and COLUMNS."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum

from mmpipe.dataclass import dataclass
from mmpipe.unix.streams import Output

ERASE_LINE = "\r\x1b[K"  # moves the cursor to the first column, and erases to the end of the line
_WIDTH = 80  # columns, if neither COLUMNS nor the terminal has a number
_COLUMNS = re.compile(r"0{0,9}[1-9][0-9]{0,4}", re.ASCII)  # the kernel has 16 bits for them
_DUMB = ("", "dumb", "unknown")  # values of TERM for terminals that understand no escape sequences


class Role(StrEnum):
    """The roles of text that has a style of its own; the values are numbers of SGR."""

    ERROR = "1;31"  # bold, red
    WARNING = "33"  # yellow
    HINT = "36"  # cyan
    HEADING = "1"  # bold
    NAME = "36"  # cyan
    FAINT = "2"  # dim
    PROGRESS = "36"  # cyan
    DONE = "32"  # green


@dataclass(frozen=True, slots=True)
class Painter:
    """Styles text by its role, if `enabled`; the text must be visible already."""

    enabled: bool

    def paint(self, role: Role, text: str) -> str:
        """Return the text in the style of the role."""
        return f"\x1b[{role}m{text}\x1b[0m" if self.enabled and text else text


def can_redraw(output: Output, environment: Mapping[str, str]) -> bool:
    """Return True if `output` is a terminal that can erase a line."""
    return output.is_terminal and _has_escapes(environment)


def wants_style(environment: Mapping[str, str]) -> bool:
    """Return True if colours, bold and dim text are possible (TERM) and not refused (NO_COLOR)."""
    return _has_escapes(environment) and not environment.get("NO_COLOR")


def read_terminal_width(output: Output, environment: Mapping[str, str]) -> int:
    """Return the columns of a terminal: COLUMNS if it is a possible number, else the terminal's own, else 80."""
    typed = environment.get("COLUMNS", "")
    if _COLUMNS.fullmatch(typed):
        return int(typed)
    try:
        return os.get_terminal_size(output.descriptor).columns or _WIDTH
    except OSError:
        return _WIDTH


def _has_escapes(environment: Mapping[str, str]) -> bool:
    return environment.get("TERM", "") not in _DUMB
