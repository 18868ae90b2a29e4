"""Shows on the terminal of stderr that something is being waited for, until the first byte comes."""

import time

from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner:
    """Turns a little at each call; never more than one line, and gone without a trace."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._began = time.monotonic()
        self._turns = 0

    def turn(self) -> None:
        """Draw the next frame, with the seconds waited."""
        frame = _FRAMES[self._turns % len(_FRAMES)]
        self._turns += 1
        self._draw(f"\r{frame} {time.monotonic() - self._began:.0f} s")

    def clear(self) -> None:
        """Take it off, if it is there."""
        if self._turns:
            self._turns = 0
            self._draw("\r\x1b[K")

    def _draw(self, text: str) -> None:
        try:
            self._output.write(text.encode())
        except OutputError:
            # A terminal that went away needs no spinner.
            self._turns = 0
