"""Draws a spinner on the terminal of stderr until the first byte arrives."""

import time

from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import ERASE_LINE

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner:
    """Spinner in one line, with the seconds since the start; `clear` leaves no trace."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._start = time.monotonic()
        self._frames = 0

    def tick(self) -> None:
        """Draw the next frame and the seconds since the start."""
        frame = _FRAMES[self._frames % len(_FRAMES)]
        self._frames += 1
        self._draw(f"\r{frame} {time.monotonic() - self._start:.0f} s")

    def clear(self) -> None:
        """Erase the spinner, if it is drawn."""
        if self._frames:
            self._frames = 0
            self._draw(ERASE_LINE)

    def _draw(self, text: str) -> None:
        try:
            self._output.draw(text)
        except OutputError:
            # The terminal is gone: no spinner is needed.
            self._frames = 0
