"""Draws how far something is as one line of a terminal: a bar and figures, as far as they have room."""

import select
from collections.abc import Mapping, Sequence

from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output
from mmpipe.writers.table import width_of

_GAP = "  "  # between columns
_NARROWEST = 8  # cells of a bar that still tells something
_WIDEST = 40
_ERASE = "\r\x1b[K"


class Line:
    """The line of the terminal that the cursor stands in: drawn over and over, and gone without a trace once cleared.

    It changes nothing that would have to be put right again, so that a run may be killed at any time.
    """

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._output, self._environment = output, environment
        self._stands = False

    @property
    def room(self) -> int:
        """The cells that can be drawn on just now."""
        # COLUMNS may be of another day: what is too long is wrapped, and no longer one line to be cleared.
        width = min(width_of(self._output, {}), width_of(self._output, self._environment))
        # A character in the last column makes some terminals begin another line.
        return width - 1

    @property
    def is_held(self) -> bool:
        """Whether its user holds the terminal (Ctrl-S), which blocks whoever writes to it, and all that they do."""
        poll = select.poll()
        poll.register(self._output.descriptor, select.POLLOUT)
        return not any(happened & select.POLLOUT for _, happened in poll.poll(0))

    def draw(self, text: str) -> None:
        """Have `text` there instead of what was drawn before."""
        self._stands = True
        self._write(_ERASE + text)

    def clear(self) -> None:
        """Take it off, if it is there."""
        if self._stands:
            self._stands = False
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        try:
            self._output.write(text.encode())
        except OutputError:
            # A terminal that went away needs no bar.
            self._stands = False


def bar_line(
    fraction: float | None,
    columns: Mapping[str, str],
    *,
    room: int,
    shed: Sequence[str],
    coloured: bool,
    seconds: float,
) -> str:
    """The bar and those columns for which there is room, in at most `room` cells.

    Columns of `shed` go first, beginning with the first; the bar goes before the last column does. A bar without a
    `fraction` tells nothing, but moves with the `seconds`.
    """
    left = dict(columns)
    for name in shed:
        if len(_GAP.join(left.values())) + len(_GAP) + _NARROWEST <= room:
            break
        left.pop(name, None)
    figures = _GAP.join(left.values())
    free = room - len(figures) - len(_GAP)
    if free < _NARROWEST:
        return figures if len(figures) <= room else ""
    # In steps, so that it does not tremble with each digit more or less beside it.
    width = min(_WIDEST, free // _NARROWEST * _NARROWEST)
    return f"{_bar(fraction, width=width, coloured=coloured, seconds=seconds)}{_GAP}{figures}"


def _bar(fraction: float | None, *, width: int, coloured: bool, seconds: float) -> str:
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
    # With all of this given, rich asks neither the environment nor the terminal.
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
    # Without colour rich leaves out what is not done yet.
    return drawn if coloured else drawn + " " * (width - cell_len(drawn))
