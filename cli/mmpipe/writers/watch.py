"""Watches the output while waiting for an answer: without a reader, the run ends."""

import time

from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError
from mmpipe.unix.streams import Output
from mmpipe.writers.console import Console

_PERIOD = 0.25  # seconds between two checks of the output


@dataclass(frozen=True, slots=True)
class OutputWatch:
    """Output of an answer, and the console with the spinner."""

    output: Output
    console: Console

    def check(self) -> None:
        """Draw the spinner and check the output; call it several times a second.

        Raises PipeClosed if the reader of standard output is gone.
        """
        self.console.tick()
        if self.output.is_main:
            self.output.check_reader()

    def wait_to_retry(self, error: MmpipeError, attempt: int, seconds: float) -> None:
        """Note that attempt number `attempt` (from 1) failed, and wait so many seconds. Raises PipeClosed."""
        self.console.note(f"attempt {attempt} failed: {error.message}; retrying in {seconds:.1f} s")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _PERIOD))
            self.check()
