"""Writes the answer as text: exactly the bytes of the model to pipes and files, made harmless on terminals."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import assert_never

from mmpipe.core.events import Event, Message, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import MmpipeError
from mmpipe.text.json_encoding import format_json
from mmpipe.writers.terminal import ERASE_LINE
from mmpipe.writers.text_sink import TextSink
from mmpipe.writers.writer import WholeAnswer, Writer


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
        self._needs_gap = False

    def write(self, event: Event) -> None:
        match event:
            case Text(text):
                if self._thinking is not None:
                    self._end_thinking()
                    self._leave_gap(self._thinking)
                self._answer.write(text)
            case Thinking(text) if self._thinking is not None:
                self._answer.flush()
                self._thinking.write(text)
                self._needs_gap = True
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
        # In place of the `^C` that the terminal has echoed in the first column.
        self._answer.flush(ERASE_LINE)

    def fail(self, _: MmpipeError, __: Sequence[Message] = ()) -> None:
        self._end_thinking()
        self._answer.break_off()

    def _end_thinking(self) -> None:
        if self._thinking is not None:
            self._thinking.begin_line()

    def _leave_gap(self, thinking: TextSink) -> None:
        if self._with_gap and self._needs_gap:
            thinking.write("\n")
        self._needs_gap = False
