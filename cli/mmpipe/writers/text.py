"""Writes the answer as text: exactly the bytes of the model to pipes and files, made harmless on terminals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, assert_never

from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import MmpipeError
from mmpipe.text.json_encoding import format_json
from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output
from mmpipe.writers.terminal import can_redraw
from mmpipe.writers.writer import WholeAnswer, Writer


class TextSink(Protocol):
    """Destination of text: a pipe, a file or a terminal."""

    def write(self, text: str) -> None: ...
    def write_line(self, line: str) -> None: ...
    def end_line(self) -> None: ...
    def begin_line(self) -> None: ...
    def pause(self) -> None: ...
    def interrupt(self) -> None: ...
    def break_off(self) -> None: ...


class PlainText:
    """Writes text unchanged to a pipe or file, in UTF-8 in every locale."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last = ""

    def write(self, text: str) -> None:
        # JSON can express a lone surrogate; UTF-8 cannot.
        self._output.write(text.encode(errors="replace"))
        self._last = text[-1]

    def write_line(self, line: str) -> None:
        """Write `line` as a line of its own."""
        self.begin_line()
        self.write(line + "\n")

    def end_line(self) -> None:
        """Write a newline, unless the text ends with one."""
        if self._last != "\n":
            self.write("\n")

    def begin_line(self) -> None:
        """Begin a new line, unless nothing was written."""
        if self._last:
            self.end_line()

    def pause(self) -> None:
        """Let something else be written to the same place; all text is written already."""

    def interrupt(self) -> None:
        """Write what is held back: nothing here."""

    def break_off(self) -> None:
        """End an incomplete text; in a pipe it stays as the model sent it."""


class TerminalText(PlainText):
    """Writes text to a terminal: control characters visible, dimmed if `dim`."""

    def __init__(self, output: Output, *, dim: bool = False) -> None:
        super().__init__(output)
        self._dim = dim

    def write(self, text: str) -> None:
        shown = visible(text)
        self._output.draw(f"\x1b[2m{shown}\x1b[22m" if self._dim else shown)
        self._last = text[-1]

    def break_off(self) -> None:
        """End the line, since an error message follows."""
        self.begin_line()


class TaggedText(TerminalText):
    """Writes thinking between tags to a terminal that cannot dim."""

    def write(self, text: str) -> None:
        super().write(text if self._last else f"<think>\n{text}")

    def end_line(self) -> None:
        """Close the tag; a blank line follows, as in the native API."""
        super().write("\n</think>\n\n")
        self._last = ""


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
        from mmpipe.writers.markdown.sink import MarkdownText

        return MarkdownText(output, self.environment)


class TextWriter(Writer):
    """Writes answer and thinking as text, each to its own sink; without a sink the thinking is dropped.

    With `with_calls`, tool calls are written too, as JSON lines for the program that runs them; with `with_gap`, a blank
    line parts the thinking from the answer.
    """

    def __init__(
        self,
        answer: TextSink,
        thinking: TextSink | None = None,
        *,
        with_calls: bool = True,
        with_gap: bool = False,
    ) -> None:
        self._answer = answer
        self._thinking = thinking
        self._with_calls = with_calls
        self._with_gap = with_gap
        self._thinking_open = self._needs_gap = False

    def write(self, event: Event) -> None:
        match event:
            case Text(text):
                self._end_thinking()
                self._leave_gap()
                self._answer.write(text)
            case Thinking(text) if self._thinking is not None:
                if not self._thinking_open:
                    self._answer.pause()
                self._thinking.write(text)
                self._thinking_open = self._needs_gap = True
            case ToolCall() if self._with_calls:
                self._end_thinking()
                self._answer.write_line(format_json(asdict(event)))
            case Thinking() | Start() | Usage() | Stop() | ToolCall() | ToolResult():
                pass
            case _:
                assert_never(event)

    def end_turn(self) -> None:
        self._end_thinking()
        self._answer.begin_line()

    def end(self, _: WholeAnswer) -> None:
        self._end_thinking()
        self._answer.end_line()

    def give_up(self) -> None:
        self._end_thinking()

    def interrupt(self) -> None:
        self._answer.interrupt()

    def fail(self, _: MmpipeError, __: Sequence[Message] = ()) -> None:
        self._end_thinking()
        self._answer.break_off()

    def _end_thinking(self) -> None:
        if self._thinking_open and self._thinking is not None:
            self._thinking.end_line()
            self._thinking_open = False

    def _leave_gap(self) -> None:
        if self._with_gap and self._needs_gap and self._thinking is not None:
            self._thinking.write("\n")
        self._needs_gap = False
