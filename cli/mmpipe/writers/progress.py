"""Reports the progress of a batch on stderr: a bar for a person, or a line every half minute for a log."""

import math
from collections.abc import Callable, Mapping
from typing import Protocol

from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.bar import BAR, StatusLine, draw_bar, draw_pulse, format_line
from mmpipe.writers.figures import format_columns, format_sentence
from mmpipe.writers.options import ProgressMode, Verbosity
from mmpipe.writers.snapshot import RecentSnapshots, Snapshot
from mmpipe.writers.terminal import Painter, Role, can_redraw, wants_style

_LINE_INTERVAL = 30.0  # seconds
_DRAW_INTERVAL = 0.2  # seconds
# Columns that a narrow terminal drops, in this order; the count always stays.
_OPTIONAL = ("tokens", "retried", "in flight", "percent", "requests", "cost", BAR, "left", "failed")


class Progress(Protocol):
    """Form of progress. It gets a snapshot several times a second, and decides when to show one."""

    def show(self, now: Snapshot) -> None:
        """Show the snapshot, if it is time."""

    def clear(self) -> None:
        """Erase the drawn line; the next snapshot draws it anew."""


class NoProgress:
    """Shows nothing."""

    def show(self, now: Snapshot) -> None:
        pass

    def clear(self) -> None:
        pass


class PlainProgress:
    """Prints a line every half minute, for a log."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._recent = RecentSnapshots()
        self._printed_at = 0.0  # seconds after the start

    def show(self, now: Snapshot) -> None:
        since = self._recent.add(now)
        if now.seconds - self._printed_at >= _LINE_INTERVAL:
            self._printed_at = now.seconds
            self._report(format_sentence(now, since))

    def clear(self) -> None:
        """Do nothing: a printed line stays."""


class BarProgress:
    """Draws a bar in one line of the terminal, several times a second."""

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._line = StatusLine(output, environment)
        self._painter = Painter(enabled=wants_style(environment))
        self._recent = RecentSnapshots()
        self._drawn_at = -math.inf  # seconds after the start

    def show(self, now: Snapshot) -> None:
        since = self._recent.add(now)
        if now.seconds - self._drawn_at < _DRAW_INTERVAL or not self._line.can_draw:
            return
        self._drawn_at = now.seconds
        columns = {name: text for name, text in format_columns(now, since).items() if text}

        def draw(cells: int) -> str:
            if now.fraction is None:
                return draw_pulse(now.seconds, cells, self._painter)
            return draw_bar(now.fraction, cells, self._painter)

        def paint(name: str, text: str) -> str:
            role = Role.ERROR if now.failed else Role.FAINT
            return self._painter.paint(role, text) if name == "failed" else text

        line = format_line(draw, columns, width=self._line.width, optional=_OPTIONAL, paint=paint)
        self._line.draw(line)

    def clear(self) -> None:
        self._line.clear()


def choose_progress(
    mode: ProgressMode, streams: Streams, environment: Mapping[str, str], verbosity: Verbosity
) -> Progress:
    """Return the form for `--progress MODE`; `auto` is a bar if stderr is a terminal, and else nothing."""
    if mode == "auto":
        mode = "bar" if can_redraw(streams.stderr, environment) and not verbosity.quiet else "none"
    if mode == "bar" and streams.stderr.is_terminal:
        return BarProgress(streams.stderr, environment)
    return NoProgress() if mode == "none" else PlainProgress(streams.report)
