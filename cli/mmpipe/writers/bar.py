"""Draws a progress bar with figures in one line of a terminal, as many as fit."""

import os
import select
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output
from mmpipe.unix.waiting import wait_until_ready
from mmpipe.writers.terminal import Painter, Role, read_terminal_width

BAR: Final = "bar"  # the name of the bar among the optional columns
_GAP: Final = "  "  # between columns
_MIN_BAR: Final = 8  # cells of a bar
_MAX_BAR: Final = 40
_ERASE_BELOW: Final = "\x1b[J"  # from the cursor to the end of the screen
_PULSE: Final = 2.0  # seconds of a bar without an end from one side to the other


class StatusLine:
    """Line of the terminal at the cursor: redrawn in place, and erased at the end.

    It changes no mode of the terminal, so that a killed run leaves nothing to restore. The cursor waits in the first
    column: what the terminal echoes (`^C`) is overwritten, and a narrower terminal, which breaks the line in two, is
    cleaned as well.
    """

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._output, self._environment = output, environment
        self._is_drawn = False

    @property
    def width(self) -> int:
        """Number of cells that can be drawn now."""
        # COLUMNS may be outdated, and a line that wraps cannot be erased.
        width = min(
            read_terminal_width(self._output, {}), read_terminal_width(self._output, self._environment)
        )
        # Some terminals begin a new line after a character in the last column.
        return width - 1

    @property
    def can_draw(self) -> bool:
        """False while the user has suspended output (Ctrl-S), which would block the run, or runs it in the background."""
        try:
            is_ready = bool(wait_until_ready(self._output.descriptor, select.POLLOUT, 0.0) & select.POLLOUT)
        except OSError:
            # The terminal is gone, and a write to it fails at once.
            return False
        return is_ready and self._is_in_foreground()

    def draw(self, text: str) -> None:
        """Replace the drawn line by `text`, which is written over the old one, so that nothing flickers."""
        self._is_drawn = True
        self._write(f"\r{text}{_ERASE_BELOW}\r")

    def clear(self) -> None:
        """Erase the line, if it is drawn."""
        if self._is_drawn:
            self._is_drawn = False
            self._write(f"\r{_ERASE_BELOW}")

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._output.descriptor) == os.getpgrp()
        except OSError:
            # Not the terminal of this session, so that no shell has jobs on it.
            return True

    def _write(self, text: str) -> None:
        try:
            self._output.draw(text)
        except OutputError:
            # The terminal is gone: no bar is needed.
            self._is_drawn = False


def format_line(
    bar: Callable[[int], str],
    columns: Mapping[str, str],
    *,
    width: int,
    optional: Sequence[str],
    paint: Callable[[str, str], str],
) -> str:
    """Return the bar and the columns that fit into `width` cells; `bar` draws itself in so many cells.

    The `optional` columns are dropped first, in their order; one of them is BAR. `paint` colours the text of a named column.
    """
    left, least = dict(columns), _MIN_BAR + len(_GAP)
    for name in optional:
        if least + len(_GAP.join(left.values())) <= width:
            break
        if name == BAR:
            least = 0
        else:
            left.pop(name, None)
    free = width - len(_GAP.join(left.values()))
    if free < least:
        return ""
    drawn = [bar(min(_MAX_BAR, free - len(_GAP)))] if least else []
    return _GAP.join([*drawn, *(paint(*column) for column in left.items())])


def draw_bar(fraction: float, cells: int, painter: Painter) -> str:
    """Return a bar that is filled so far, from 0 to 1, in half cells."""
    full, half = divmod(int(fraction * cells * 2), 2)
    rest = cells - full - half
    filled = painter.paint(Role.PROGRESS if rest + half else Role.DONE, "━" * full + "╸" * half)
    return filled + _draw_rest(rest, painter)


def draw_pulse(seconds: float, cells: int, painter: Painter) -> str:
    """Return a bar without an end: a piece of it moves to and fro with the seconds."""
    piece = max(1, cells // 4)
    turns, part = divmod(seconds / _PULSE, 1)
    before = int((part if turns % 2 == 0 else 1 - part) * (cells - piece))
    moving = painter.paint(Role.PROGRESS, "━" * piece)
    return _draw_rest(before, painter) + moving + _draw_rest(cells - piece - before, painter)


def _draw_rest(cells: int, painter: Painter) -> str:
    return painter.paint(Role.FAINT, "━" * cells) if painter.enabled else " " * cells
