"""Draws a progress bar with figures in one line of a terminal, as many as fit."""

import select
from collections.abc import Mapping, Sequence

from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output
from mmpipe.unix.waiting import wait_until_ready
from mmpipe.writers.terminal import ERASE_LINE, read_terminal_width

_GAP = "  "  # between columns
_MIN_BAR = 8  # cells of a bar
_MAX_BAR = 40


class StatusLine:
    """Line of the terminal at the cursor: redrawn in place, and erased at the end.

    It changes no mode of the terminal, so that a killed run leaves nothing to restore.
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
    def is_suspended(self) -> bool:
        """True while the user has suspended output (Ctrl-S); a write would block the whole run."""
        try:
            return not wait_until_ready(self._output.descriptor, select.POLLOUT, 0.0) & select.POLLOUT
        except OSError:
            # The terminal is gone, and a write to it fails at once.
            return True

    def draw(self, text: str) -> None:
        """Replace the drawn line by `text`."""
        self._is_drawn = True
        self._write(ERASE_LINE + text)

    def clear(self) -> None:
        """Erase the line, if it is drawn."""
        if self._is_drawn:
            self._is_drawn = False
            self._write(ERASE_LINE)

    def _write(self, text: str) -> None:
        try:
            self._output.draw(text)
        except OutputError:
            # The terminal is gone: no bar is needed.
            self._is_drawn = False


def format_bar(
    fraction: float | None,
    columns: Mapping[str, str],
    *,
    width: int,
    optional: Sequence[str],
    coloured: bool,
    seconds: float,
) -> str:
    """Return the bar and the columns that fit into `width` cells.

    The `optional` columns are dropped first, in their order, then the bar. A bar without a `fraction` moves with the
    `seconds`.
    """
    left = dict(columns)
    for name in optional:
        if len(_GAP.join(left.values())) + len(_GAP) + _MIN_BAR <= width:
            break
        left.pop(name, None)
    figures = _GAP.join(left.values())
    free = width - len(figures) - len(_GAP)
    if free < _MIN_BAR:
        return figures if len(figures) <= width else ""
    # In steps, so that the bar does not tremble with each digit more or less beside it.
    cells = min(_MAX_BAR, free // _MIN_BAR * _MIN_BAR)
    return f"{_draw_bar(fraction, width=cells, coloured=coloured, seconds=seconds)}{_GAP}{figures}"


def _draw_bar(fraction: float | None, *, width: int, coloured: bool, seconds: float) -> str:
    from io import StringIO

    from rich.cells import cell_len
    from rich.console import Console
    from rich.progress_bar import ProgressBar

    bar = ProgressBar(
        total=None if fraction is None else 1.0,
        completed=fraction or 0.0,
        width=width,
        style="bright_black",
        complete_style="cyan",
        finished_style="green",
        pulse_style="cyan",
        animation_time=seconds,
    )
    # With all of this given, rich reads neither the environment nor the terminal.
    console = Console(
        file=StringIO(),
        width=width,
        height=1,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        force_terminal=True,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(bar, end="")
    drawn = captured.get().rstrip("\n")
    # Without colour rich omits the rest of the bar.
    return drawn if coloured else drawn + " " * (width - cell_len(drawn))
