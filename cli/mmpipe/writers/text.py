"""Writes the answer as text: exactly the model's bytes into pipes and files, nothing harmful onto terminals."""

from dataclasses import asdict
from typing import Protocol, assert_never

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import MmpipeError
from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output
from mmpipe.writers.lines import compact
from mmpipe.writers.writer import Writer


class TextSink(Protocol):
    """Something that text is written on."""

    def write(self, text: str) -> None: ...
    def end_line(self) -> None: ...
    def fresh_line(self) -> None: ...
    def break_off(self) -> None: ...


class PlainText:
    """A pipe or file: the text as it is, in UTF-8 whatever the locale."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last = ""

    def write(self, text: str) -> None:
        # Half a surrogate pair is the one thing that JSON can say and UTF-8 cannot.
        self._output.write(text.encode(errors="replace"))
        self._last = text[-1]

    def end_line(self) -> None:
        """A final newline, if the text has none."""
        if self._last != "\n":
            self.write("\n")

    def fresh_line(self) -> None:
        """What follows begins a line."""
        if self._last:
            self.end_line()

    def break_off(self) -> None:
        """The text ends here unfinished; in a pipe it stays what the model said."""


class TerminalText(PlainText):
    """A terminal: controls made visible, dimmed if asked for; our own colour is all that moves it."""

    def __init__(self, output: Output, *, dim: bool = False) -> None:
        super().__init__(output)
        self._dim = dim

    def write(self, text: str) -> None:
        shown = visible(text)
        super().write(f"\x1b[2m{shown}\x1b[22m" if self._dim else shown)
        self._last = text[-1]

    def break_off(self) -> None:
        """What is said of it goes to a line of its own."""
        self.fresh_line()


class TextWriter(Writer):
    """Answer and thinking as text, each on its own paper; no paper, no thinking.

    Calls that nobody runs here are written too, as JSON lines for who does.
    """

    def __init__(
        self, answer: TextSink, thinking: TextSink | None = None, *, with_calls: bool = True
    ) -> None:
        self._answer = answer
        self._thinking = thinking
        self._with_calls = with_calls
        self._thinking_open = False

    def write(self, event: Event) -> None:
        match event:
            case Text(text):
                self._end_thinking()
                self._answer.write(text)
            case Thinking(text) if self._thinking is not None:
                self._thinking.write(text)
                self._thinking_open = True
            case ToolCall() if self._with_calls:
                self._end_thinking()
                self._answer.fresh_line()
                self._answer.write(compact(asdict(event)) + "\n")
            case Thinking() | Start() | Usage() | Stop() | ToolCall() | ToolResult():
                pass
            case _:
                assert_never(event)

    def end_turn(self) -> None:
        self._end_thinking()
        self._answer.fresh_line()

    def end(self) -> None:
        self._end_thinking()
        self._answer.end_line()

    def give_up(self) -> None:
        self._end_thinking()

    def fail(self, error: MmpipeError) -> None:  # noqa: ARG002  who reads text is told on stderr
        self._end_thinking()
        self._answer.break_off()

    def _end_thinking(self) -> None:
        if self._thinking_open and self._thinking is not None:
            self._thinking.end_line()
            self._thinking_open = False
