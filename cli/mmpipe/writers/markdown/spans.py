"""Spans: pieces of text in one style; and the styles, which every terminal has and which suit dark and light ones."""

import re
from collections.abc import Iterable
from typing import Final

from mmpipe.dataclass import dataclass

# Parameters of SGR. No background: it would be copied as spaces, and hides text on terminals with other colours.
BOLD: Final = "1"
DIM: Final = "2"
ITALIC: Final = "3"
UNDERLINED: Final = "4"
STRUCK: Final = "9"
RED: Final = "31"
GREEN: Final = "32"
YELLOW: Final = "33"
BLUE: Final = "34"
MAGENTA: Final = "35"
CYAN: Final = "36"

_MARGIN: Final = re.compile("│ ?|[^│]+")


@dataclass(frozen=True, slots=True)
class Span:
    """Text in a style: parameters of SGR, or nothing."""

    text: str
    style: str = ""


def add_style(*styles: str) -> str:
    """Return all these styles in one."""
    return ";".join(filter(None, styles))


def split_margin(text: str) -> list[Span]:
    """Return the margin of a line as spans: the bars of quotes are dim, the marks of list items are not."""
    return [Span(part, DIM if part.startswith("│") else "") for part in _MARGIN.findall(text)]


def paint(spans: Iterable[Span], *, has_styles: bool) -> str:
    """Return the text for the terminal; each style ends before its line does."""
    return "".join(
        f"\x1b[{span.style}m{span.text}\x1b[0m" if has_styles and span.style and span.text else span.text
        for span in spans
    )
