"""Markdown is written to the terminal block by block, and thinking, tool calls and errors keep their places beside it."""

import pytest

from mmpipe.core.events import Event, Text, Thinking, ToolCall
from mmpipe.errors import ServerError
from mmpipe.unix.streams import Streams
from mmpipe.writers.text import TextWriter
from mmpipe.writers.text_forms import TaggedForm
from mmpipe.writers.text_sink import MarkdownChoice, TextSink
from mmpipe.writers.writer import WholeAnswer

TERMINAL = {"TERM": "xterm", "COLUMNS": "40", "NO_COLOR": "1"}


class Screen:
    """A terminal that thinking and answer share."""

    def __init__(self) -> None:
        self.streams = Streams.fake(terminals="stdout")
        out = self.streams.stdout
        self.writer = TextWriter(MarkdownChoice(TERMINAL).open(out), TextSink.of(out))

    def shows(self, *events: Event) -> str:
        for event in events:
            self.writer.write(event)
        return self.streams.captured()[0].decode()


def test_a_block_is_written_once_it_is_whole_and_the_last_one_with_the_answer() -> None:
    screen = Screen()
    assert "" == screen.shows(Text("- *a"), Text("*\n"))
    assert "• *a*\n" == screen.shows(Text("- b"), Text("\n"))
    screen.writer.end(WholeAnswer({}, ()))
    assert "• *a*\n• b\n" == screen.shows()


def test_code_is_written_line_by_line() -> None:
    screen = Screen()
    assert "─── py\na = 1\n" == screen.shows(Text("```py\na = 1\nb ="))


def test_what_came_of_an_answer_is_shown_before_the_error() -> None:
    screen = Screen()
    screen.shows(Text("| a |\n|---|\n| b"))
    screen.writer.fail(ServerError("down"))
    assert "a\n─\nb\n" == screen.shows()


def test_a_failed_attempt_without_a_whole_block_leaves_nothing() -> None:
    screen = Screen()
    screen.shows(Text("half of a"))
    screen.writer.give_up()
    assert 0 == screen.streams.stdout.written


def test_thinking_stands_where_it_came_between_two_texts() -> None:
    screen = Screen()
    screen.shows(Thinking("*t*"), Text("a"), Thinking("*u*\n"), Text("b"))
    screen.writer.end(WholeAnswer({}, ()))
    lines = [line for line in screen.shows().split("\n") if line]
    assert ["*t*", "a", "*u*", "b"] == lines


def test_a_tool_call_is_no_markdown() -> None:
    shown = Screen().shows(Text("a"), ToolCall(0, "1", "*b*", '{"c": "**d** \x1b"}'))
    assert 'a\n{"index":0,"id":"1","name":"*b*","arguments":"{\\"c\\": \\"**d** \\u001b\\"}"}\n' == shown


def test_two_turns_are_two_texts() -> None:
    screen = Screen()
    screen.shows(Text("```\na"))
    screen.writer.end_turn()
    assert "───\na\n───\nb *c*\n" == screen.shows(Text("b *c*\n\n"))


def test_thinking_has_its_tags_where_it_cannot_be_dimmed() -> None:
    streams = Streams.fake(terminals="stdout")
    sink = TextSink(streams.stdout, TaggedForm())
    for text in ("*a*", " \x1b"):
        sink.write(text)
    sink.end_line()
    assert "<think>\n*a* \u241b\n</think>\n\n" == streams.captured()[0].decode()


@pytest.mark.parametrize(
    ("terminals", "term", "expected"),
    [("stdout", "xterm", True), ("", "xterm", False), ("stdout", "dumb", False), ("stdout", "", False)],
)
def test_only_a_terminal_that_knows_escape_sequences_gets_rendered_text(
    terminals: str, term: str, *, expected: bool
) -> None:
    assert expected is MarkdownChoice({"TERM": term}).holds_for(Streams.fake(terminals=terminals).stdout)
