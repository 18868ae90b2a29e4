"""Prints messages to the user on stderr, and erases the spinner or bar before each message."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from mmpipe.core.endpoint import Endpoint
from mmpipe.errors import OutputError
from mmpipe.text.shell_words import quote_path
from mmpipe.unix.streams import Streams
from mmpipe.writers.options import Verbosity
from mmpipe.writers.reporter import Reporter
from mmpipe.writers.spinner import Spinner
from mmpipe.writers.terminal import ERASE_LINE, can_redraw, wants_style

if TYPE_CHECKING:
    from mmpipe.writers.details import Detail


class Drawing(Protocol):
    """Drawing in the last line of the terminal, which can be erased and drawn again."""

    def clear(self) -> None:
        """Erase the line."""


class Console:
    """Only way to stderr for messages, so that no message lands on a drawing; erases the drawing at the end."""

    def __init__(self, streams: Streams, verbosity: Verbosity, environment: Mapping[str, str]) -> None:
        self._reporter = Reporter(streams, environment)
        self._stderr, self._verbosity = streams.stderr, verbosity
        self.can_dim = wants_style(environment)
        self._can_draw = can_redraw(streams.stderr, environment) and not verbosity.quiet
        self._spinner = Spinner(streams.stderr) if self._can_draw else None
        self._drawing: Drawing | None = self._spinner
        self.may_draw = True
        self._mask: Callable[[str], str] = str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_drawing()

    def announce(self, endpoint: Endpoint, choices: Iterable[str]) -> None:
        """Note `choices` and the endpoint; its key is hidden in every message from now on."""
        # A server that repeats what it was sent has many ways to get the key printed.
        self.set_mask(endpoint.mask)
        for choice in choices:
            self.note(choice)
        self.note(f"asking {endpoint.base_url} {_describe_key(endpoint)}")
        if endpoint.is_exposed and endpoint.key is not None:
            self.warn(
                f"the key is sent unencrypted to {endpoint.base_url}: any machine on the way can read it"
            )
        if endpoint.key is not None and (path := endpoint.key.exposed_file) is not None:
            self.warn(f"other users can read the key file: chmod 600 {quote_path(path)}")

    def set_mask(self, mask: Callable[[str], str]) -> None:
        """Pass every later message through `mask`, which hides the key."""
        self._mask = mask

    @property
    def prints_notes(self) -> bool:
        """True if `note` prints. A long run has a note for each record, and words none that nobody sees."""
        return self._verbosity.verbose

    def note(self, sentence: str) -> None:
        """Print a message for `--verbose` only."""
        if self.prints_notes:
            self._report(sentence)

    def warn(self, sentence: str) -> None:
        """Print a warning, unless `--quiet`."""
        if not self._verbosity.quiet:
            self.pause()
            self._reporter.warn(self._mask(sentence))

    def hint(self, sentence: str) -> None:
        """Print a message that helps the user, such as the reason of a long wait, unless `--quiet`."""
        if not self._verbosity.quiet:
            self._report(sentence)

    def remark(self, sentence: str) -> None:
        """Print a hint for a person who waits at a terminal; a log gets it with `--verbose` only."""
        if self.has_lines:
            self.hint(sentence)
        else:
            self.note(sentence)

    @property
    def has_lines(self) -> bool:
        """True if stderr is a terminal that takes lines with colour, and not only a log of sentences."""
        return self._reporter.has_lines

    @property
    def lists_details(self) -> bool:
        """True if `summarize` prints the details too."""
        return self.has_lines and not self._verbosity.quiet

    def summarize(self, sentence: str, details: Iterable["Detail"] = ()) -> None:
        """Print the outcome of the run, unless `--quiet`; the `details` are for a terminal alone."""
        self.hint(sentence)
        if self.lists_details:
            self._reporter.list_details(replace(each, text=self._mask(each.text)) for each in details)

    def tick(self) -> None:
        """Draw the next frame of the spinner, if there is one."""
        if self._spinner is not None:
            self._spinner.tick()

    def attach(self, drawing: Drawing) -> None:
        """Erase `drawing` before each message from now on; it replaces the spinner."""
        self.end_drawing()
        self._drawing = drawing

    def pause(self) -> None:
        """Erase the drawing, because something else writes to the terminal; it is drawn again later."""
        if self._drawing is not None:
            self._drawing.clear()

    def erase_echo(self) -> None:
        """Erase the drawing, and the `^C` that the terminal has echoed in the first column."""
        self.pause()
        if self._can_draw:
            with suppress(OutputError):
                self._stderr.draw(ERASE_LINE)

    @contextmanager
    def make_way(self) -> Iterator[None]:
        """Inside, nothing `may_draw`: something else is being written to the terminal, perhaps slowly."""
        self.pause()
        self.may_draw = False
        try:
            yield
        finally:
            self.may_draw = True

    def end_drawing(self) -> None:
        """Erase the drawing for good, because the answer begins, perhaps on the same terminal."""
        self.pause()
        self._spinner = self._drawing = None

    def _report(self, sentence: str) -> None:
        self.pause()
        self._reporter.note(self._mask(sentence))


def _describe_key(endpoint: Endpoint) -> str:
    if endpoint.key is None:
        other = "" if endpoint.unsent is None else f": {endpoint.unsent} is not for this host"
        return f"without a key{other}"
    return f"with the key of: {endpoint.key.source}{' (unencrypted)' if endpoint.is_exposed else ''}"
