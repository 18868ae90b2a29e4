"""Places for text: a pipe, a file or a terminal, and the form in which it gets the text."""

from collections.abc import Mapping

from mmpipe.dataclass import dataclass
from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import can_redraw
from mmpipe.writers.text_forms import TextForm, VisibleForm


class TextSink:
    """Destination of text: a pipe, a file or a terminal, on which it may be dimmed; UTF-8 in every locale."""

    def __init__(self, output: Output, form: TextForm, *, dim: bool = False) -> None:
        self._output = output
        self._form = form
        self._dim = dim
        self._last = ""  # the text that was written last

    @classmethod
    def of(cls, output: Output, *, dim: bool = False) -> "TextSink":
        """Return the sink for text as it is; only a terminal makes it visible, and can dim it."""
        form = VisibleForm() if output.is_terminal else TextForm()
        return cls(output, form, dim=dim and output.is_terminal)

    def write(self, text: str) -> None:
        """Write what the form lets out."""
        shown = self._form.feed(text)
        if shown:
            self._draw(shown)

    def flush(self, before: str = "") -> None:
        """Write what the form has held back, after `before`."""
        if rest := self._form.close():
            self._draw(before + rest)

    def write_line(self, line: str) -> None:
        """Write `line` as a line of its own, whatever the form."""
        self.begin_line()
        self._output.write(f"{line}\n".encode(errors="replace"))
        self._last = "\n"

    def begin_line(self) -> None:
        """Begin a new line, unless nothing was written."""
        self.flush()
        if self._last:
            self.end_line()

    def end_line(self) -> None:
        """Write a newline, unless the text ends with one."""
        self.flush()
        if not self._last.endswith("\n"):
            self._draw("\n")

    def break_off(self) -> None:
        """End an incomplete text: a pipe keeps it as the model sent it, on a terminal an error message follows."""
        if self._output.is_terminal:
            self.begin_line()

    def _draw(self, shown: str) -> None:
        self._last = shown
        drawn = f"\x1b[2m{shown}\x1b[22m" if self._dim else shown
        # JSON can express a lone surrogate; UTF-8 cannot.
        self._output.write_as_is(drawn.encode(errors="replace"))


@dataclass(frozen=True, slots=True)
class MarkdownChoice:
    """Choice to render Markdown on the terminals that `environment` describes."""

    environment: Mapping[str, str]

    def holds_for(self, output: Output) -> bool:
        """Return True for a terminal that understands escape sequences."""
        return can_redraw(output, self.environment)

    def open(self, output: Output) -> TextSink:
        """Return the sink that renders."""
        # Most runs render nothing.
        from mmpipe.writers.markdown.form import MarkdownForm

        return TextSink(output, MarkdownForm(output, self.environment))
