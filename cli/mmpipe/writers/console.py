"""Talks to the user on stderr: notes, warnings, and a spinner or a bar that gives way to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.spinner import Spinner


@dataclass(frozen=True, slots=True)
class Verbosity:
    """How much is said."""

    verbose: bool = False
    quiet: bool = False


class Drawing(Protocol):
    """What stands in the last line of the terminal, and can be drawn there again."""

    def clear(self) -> None:
        """Leave that line clean."""


class Console:
    """One mouth for everything that is not data, so that a line never lands on what is drawn; leaves a clean line."""

    def __init__(self, streams: Streams, manners: Verbosity, environment: Mapping[str, str]) -> None:
        self._streams = streams
        self._manners = manners
        self.dims = _moves(environment) and not environment.get("NO_COLOR")
        shown = can_draw(streams.stderr, environment) and not manners.quiet
        self._spinner = Spinner(streams.stderr) if shown else None
        self._drawing: Drawing | None = self._spinner
        self._masked: Callable[[str], str] = str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.make_way()

    def mask(self, masked: Callable[[str], str]) -> None:
        """From now on what `masked` leaves out of a sentence is not said."""
        self._masked = masked

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

    def own(self, drawing: Drawing) -> None:
        """From now on it is `drawing` that gives way to what is said; there is no spinner beside it."""
        self.make_way()
        self._drawing = drawing

    def pause(self) -> None:
        """Something else is about to be written on the same terminal; what is drawn comes again after it."""
        if self._drawing is not None:
            self._drawing.clear()

    def make_way(self) -> None:
        """The answer begins, perhaps on the same terminal: there is nothing more to wait for."""
        self.pause()
        self._spinner = self._drawing = None

    def _say(self, sentence: str) -> None:
        self.pause()
        self._streams.say(self._masked(sentence))


def can_draw(output: Output, environment: Mapping[str, str]) -> bool:
    """Whether it is a terminal on which something can be drawn over."""
    return output.is_terminal and _moves(environment)


def _moves(environment: Mapping[str, str]) -> bool:
    return environment.get("TERM", "") not in ("", "dumb", "unknown")
