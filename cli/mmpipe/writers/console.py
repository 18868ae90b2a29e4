"""Talks to the user on stderr: notes, warnings, and a spinner while nothing else happens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mmpipe.streams import Streams
from mmpipe.writers.spinner import Spinner


@dataclass(frozen=True, slots=True)
class Manners:
    """How much is said."""

    verbose: bool = False
    quiet: bool = False


class Console:
    """One mouth for everything that is not data, so that a line never lands on the spinner; leaves a clean line."""

    def __init__(self, streams: Streams, manners: Manners, environment: Mapping[str, str]) -> None:
        self._streams = streams
        self._manners = manners
        capable = environment.get("TERM", "dumb") != "dumb"
        self.dims = capable and not environment.get("NO_COLOR")
        shown = capable and streams.stderr.is_terminal and not manners.quiet
        self._spinner = Spinner(streams.stderr) if shown else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.make_way()

    def note(self, sentence: str) -> None:
        """Said only under `-v`."""
        if self._manners.verbose:
            self._say(sentence)

    def warn(self, sentence: str) -> None:
        """Said unless the user wants silence."""
        if not self._manners.quiet:
            self._say(f"warning: {sentence}")

    def hint(self, sentence: str) -> None:
        """Said because something looks like a hang and is none."""
        if not self._manners.quiet:
            self._say(sentence)

    def summary(self, sentence: str) -> None:
        """What came of it all, in the end."""
        self.hint(sentence)

    def turn(self) -> None:
        """Time goes by; show that this is known."""
        if self._spinner is not None:
            self._spinner.turn()

    def make_way(self) -> None:
        """The answer begins, perhaps on the same terminal: there is nothing more to wait for."""
        if self._spinner is not None:
            self._spinner.clear()
            self._spinner = None

    def _say(self, sentence: str) -> None:
        if self._spinner is not None:
            self._spinner.clear()
        self._streams.say(sentence)
