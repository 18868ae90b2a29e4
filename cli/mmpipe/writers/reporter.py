"""Turns errors and warnings into words on stderr: one line each in a pipe; on a terminal with colour, the hint on a line.

No error is broken at the width: the terminal does that, and a command or URL that is copied stays whole.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from mmpipe.errors import MmpipeError, OutputError
from mmpipe.text.visible import one_line
from mmpipe.unix.streams import Streams
from mmpipe.writers.terminal import Painter, Role, can_redraw, read_terminal_width, wants_style

if TYPE_CHECKING:
    from mmpipe.writers.details import Detail

_LATER = "; retry later"  # the end of a hint that a known time replaces


class Reporter:
    """Reports on stderr, in the form that its terminal takes; a terminal without escape sequences counts as a pipe."""

    def __init__(self, streams: Streams, environment: Mapping[str, str]) -> None:
        self._streams = streams
        self.has_lines = can_redraw(streams.stderr, environment)
        self._environment = environment
        self._painter = Painter(enabled=self.has_lines and wants_style(environment))

    def report_error(self, error: MmpipeError) -> None:
        """Print an error with its hint and its trace id; errors of stderr are ignored."""
        label, hint = error.status.label, _complete_hint(error)
        trace = "" if error.request_id is None else f" (trace {error.request_id})"
        if not self.has_lines:
            end = f"; {hint}" if hint else ""
            self._streams.report(f"{label}: {error.sentence}{end}{trace}")
            return
        paint = self._painter.paint
        # A space before the trace id, which is shortened by itself.
        end = f" {paint(Role.FAINT, one_line(trace))}" if trace else ""
        lines = [f"mmpipe: {paint(Role.ERROR, f'error[{label}]:')} {one_line(error.sentence)}{end}"]
        if hint:
            lines.append(f"  {paint(Role.HINT, 'hint:')} {one_line(hint)}")
        self._draw(lines)

    def warn(self, sentence: str) -> None:
        """Print a warning; errors of stderr are ignored."""
        if self.has_lines:
            self._draw([f"mmpipe: {self._painter.paint(Role.WARNING, 'warning:')} {one_line(sentence)}"])
        else:
            self._streams.report(f"warning: {sentence}")

    def note(self, sentence: str) -> None:
        """Print any other message; errors of stderr are ignored."""
        self._streams.report(sentence)

    def list_details(self, details: Iterable["Detail"]) -> None:
        """Print details in lines, below a note; none in a pipe. Errors of stderr are ignored."""
        if self.has_lines:
            from mmpipe.writers.details import format_details

            width = read_terminal_width(self._streams.stderr, self._environment)
            self._draw(list(format_details(list(details), width, self._painter)))

    def _draw(self, lines: list[str]) -> None:
        with suppress(OutputError):
            self._streams.stderr.draw("".join(f"{line}\n" for line in lines))


def _complete_hint(error: MmpipeError) -> str:
    """The hint of an error, with the time to retry after, if that is known."""
    if error.retry_after is None:
        return error.hint
    # Needed only here, and without `math` in it: memory may be short.
    from mmpipe.text.durations import format_duration

    retry = f"retry in {format_duration(error.retry_after)}"
    advice = f"; {error.hint}".removesuffix(_LATER).removeprefix("; ") if error.hint else ""
    return f"{advice}; {retry}" if advice else retry
