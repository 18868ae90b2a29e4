"""Text is written exactly as the model sent it, and to a terminal in a harmless form."""

from collections.abc import Callable

import pytest

from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, ToolResult, Usage
from mmpipe.errors import ServerError
from mmpipe.unix.streams import Streams
from mmpipe.writers.text import TextWriter
from mmpipe.writers.text_forms import TextForm
from mmpipe.writers.text_sink import TextSink
from mmpipe.writers.writer import WholeAnswer

CALL = ToolCall(0, "1", "ls", '{"a": "ö"}')
LINE = '{"index":0,"id":"1","name":"ls","arguments":"{\\"a\\": \\"ö\\"}"}\n'
WHOLE = WholeAnswer({}, ())
SILENT = (Start("1", "M"), Usage(1, 2, 3), ToolResult("1", "ls", "result"), Stop("stop", {}))


class FileSink(TextSink):
    """Sink of the test, on a file."""

    def __init__(self) -> None:
        self.streams = Streams.fake()
        super().__init__(self.streams.stdout, TextForm())

    @property
    def text(self) -> str:
        return self.streams.captured()[0].decode()


class HoldingForm(TextForm):
    """Form that lets nothing out before its end."""

    def feed(self, _: str) -> str:
        return ""


def test_text_that_a_form_holds_back_does_not_change_where_the_line_is() -> None:
    streams = Streams.fake()
    sink = TextSink(streams.stdout, HoldingForm())
    sink.write_line("a call")
    sink.write("held")
    sink.end_line()
    assert b"a call\n" == streams.captured()[0]


def written(
    *events: Event, thinking: bool = True, with_calls: bool = True
) -> tuple[FileSink, FileSink, TextWriter]:
    answer, thoughts = FileSink(), FileSink()
    writer = TextWriter(answer, thoughts if thinking else None, with_calls=with_calls)
    for event in events:
        writer.write(event)
    return answer, thoughts, writer


def on_terminal(text: str, *, dim: bool = False) -> str:
    streams = Streams.fake(terminals="stdout")
    TextSink.of(streams.stdout, dim=dim).write(text)
    return streams.captured()[0].decode()


@pytest.mark.parametrize("text", ["5", "5\n", "5\n\n", "a\r\n", "\x1b[31m\x00\x85", "größer \U0001f389"])
def test_a_file_gets_the_bytes_of_the_model_and_one_final_newline_if_there_is_none(text: str) -> None:
    answer, _, writer = written(*map(Text, text))
    assert text == answer.text
    writer.end(WHOLE)
    assert text + ("" if text.endswith("\n") else "\n") == answer.text


def test_a_lone_surrogate_is_a_question_mark() -> None:
    assert "a?" == written(Text("a\ud800"))[0].text


def test_an_answer_without_words_is_an_empty_line() -> None:
    answer, thoughts, writer = written(*SILENT)
    writer.end(WHOLE)
    assert ("\n", "") == (answer.text, thoughts.text)


def test_a_turn_without_words_leaves_no_empty_line_before_the_next() -> None:
    answer, _, writer = written(*SILENT)
    writer.end_turn()
    writer.write(Text("5"))
    writer.end_turn()
    writer.write(Text("6"))
    writer.end(WHOLE)
    assert "5\n6\n" == answer.text


def test_thinking_ends_its_line_before_the_answer_goes_on() -> None:
    answer, thoughts, writer = written(Thinking("h"), Thinking("m"), Text("5"), Text("6"), Thinking("hm\n"))
    assert ("56", "hm\nhm\n") == (answer.text, thoughts.text)
    writer.end(WHOLE)
    assert ("56\n", "hm\nhm\n") == (answer.text, thoughts.text)


@pytest.mark.parametrize(
    "end",
    [lambda writer: writer.end(WHOLE), lambda writer: writer.end_turn(), lambda writer: writer.give_up()],
)
def test_thinking_ends_its_line_whatever_comes_after_it(end: Callable[[TextWriter], None]) -> None:
    _, thoughts, writer = written(Thinking("hm"))
    end(writer)
    assert "hm\n" == thoughts.text
    writer.fail(ServerError("down"))
    assert "hm\n" == thoughts.text


def test_thinking_without_a_sink_is_not_written() -> None:
    answer, _, writer = written(Thinking("hm"), Text("56"), thinking=False)
    writer.end(WHOLE)
    assert "56\n" == answer.text


@pytest.mark.parametrize(("before", "begun"), [("I look.", "I look.\n"), ("I look.\n", "I look.\n")])
def test_each_call_is_a_line_of_json_of_its_own(before: str, begun: str) -> None:
    answer, thoughts, writer = written(Thinking("hm"), Text(before), CALL, CALL, Text("56"))
    writer.end(WHOLE)
    assert (f"{begun}{LINE}{LINE}56\n", "hm\n") == (answer.text, thoughts.text)


def test_a_call_is_written_unless_it_is_run_here() -> None:
    answer = FileSink()
    TextWriter(answer).write(CALL)
    assert LINE == answer.text


def test_a_call_that_is_run_here_is_not_written() -> None:
    answer, thoughts, _ = written(Thinking("hm"), CALL, with_calls=False)
    assert ("", "hm") == (answer.text, thoughts.text)


def test_a_call_after_thinking_ends_its_line() -> None:
    answer, thoughts, _ = written(Thinking("hm"), CALL)
    assert (LINE, "hm\n") == (answer.text, thoughts.text)


@pytest.mark.parametrize(("text", "left"), [("5", "5"), ("5\n", "5\n"), ("", "")])
def test_in_a_file_an_incomplete_text_stays_as_it_was_sent(text: str, left: str) -> None:
    answer, thoughts, writer = written(*map(Text, text), Thinking("hm"))
    writer.fail(ServerError("down"))
    assert (left, "hm\n") == (answer.text, thoughts.text)


@pytest.mark.parametrize(("text", "left"), [("5", "5\n"), ("5\n", "5\n"), ("", "")])
def test_on_a_terminal_an_error_message_begins_a_line(text: str, left: str) -> None:
    streams = Streams.fake(terminals="stdout")
    paper = TextSink.of(streams.stdout)
    writer = TextWriter(paper)
    for character in text:
        writer.write(Text(character))
    writer.fail(ServerError("down"))
    assert left == streams.captured()[0].decode()


def test_a_terminal_gets_nothing_that_moves_it_but_our_own_colour() -> None:
    assert "a␛[31m<U+009B>\n" == on_terminal("a\x1b[31m\x9b\n")
    assert "\x1b[2ma␛[22m\x1b[22m" == on_terminal("a\x1b[22m", dim=True)


@pytest.mark.parametrize("dim", [False, True])
def test_a_dimmed_line_that_has_ended_is_not_ended_twice(dim: bool) -> None:
    streams = Streams.fake(terminals="stdout")
    paper = TextSink.of(streams.stdout, dim=dim)
    paper.write("hm\n")
    once = streams.captured()
    paper.end_line()
    paper.begin_line()
    assert once == streams.captured()


def test_a_blank_line_parts_thinking_from_the_answer_below_it_on_one_terminal() -> None:
    def shown(*events: Event) -> str:
        streams = Streams.fake(terminals="stdout")
        writer = TextWriter(TextSink.of(streams.stdout), TextSink.of(streams.stdout), with_gap=True)
        for event in events:
            writer.write(event)
        writer.end(WHOLE)
        return streams.captured()[0].decode()

    assert "thought\n\nanswer\n" == shown(Thinking("thou"), Thinking("ght"), Text("ans"), Text("wer"))
    assert "thought\n\nanswer\n" == shown(Thinking("thought\n"), Text("answer"))
    assert "answer\n" == shown(Text("answer"))
    # An answer without words is an empty line.
    assert "thought\n\n" == shown(Thinking("thought"))
