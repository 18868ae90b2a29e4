"""Watches the output while an answer for it is awaited: a reader that has gone wants no answer."""

import time
from dataclasses import dataclass

from mmpipe.errors import MmpipeError
from mmpipe.unix.streams import Output
from mmpipe.writers.console import Console

_PERIOD = 0.25  # seconds between two looks at the output


@dataclass(frozen=True, slots=True)
class OutputWatch:
    """The `output` that an answer is for, and the console whose spinner turns meanwhile."""

    output: Output
    console: Console

    def look(self) -> None:
        """Turn the spinner and check the output; to be called several times a second.

        Raises PipeClosed if nobody reads standard output any more.
        """
        self.console.tick()
        if self.output.is_main:
            self.output.check_reader()

    def wait_to_retry(self, error: MmpipeError, attempt: int, seconds: float) -> None:
        """Note that attempt number `attempt` (from 1) failed, and wait."""
        self.console.note(f"attempt {attempt} failed: {error.message}; retrying in {seconds:.1f} s")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _PERIOD))
            self.look()
