"""Opens where an answer goes, and picks the writer for its form; before anything is asked, so nothing is paid in vain."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from mmpipe.chat.options import ChatOptions
from mmpipe.core.events import Message
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.errors import MmpipeError, UsageError
from mmpipe.unix.files import open_output, replace_output
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.lines import create_line_writer
from mmpipe.writers.options import OutputFormat
from mmpipe.writers.text import PlainText, TerminalText, TextSink, TextWriter
from mmpipe.writers.watch import OutputWatch
from mmpipe.writers.writer import Writer


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """How an answer is written; `thinking` is None where the default of the format holds.

    `live` is as it arrives; `with_calls` is false where tool calls are run here, and text need not report them.
    """

    format: OutputFormat = "text"
    thinking: ThinkingMode | None = None
    live: bool = False
    with_calls: bool = True


@dataclass(frozen=True, slots=True)
class OutputTargets:
    """The open outputs of an answer, and the console beside them; the thinking of `form` is resolved."""

    form: AnswerForm
    data: Output
    thinking: TextSink | None
    thinking_file: Output | None
    console: Console

    @property
    def mode(self) -> ThinkingMode:
        """The mode of thinking."""
        return self.form.thinking or "split"

    @property
    def watch(self) -> OutputWatch:
        """The watch over the output of the answer."""
        return OutputWatch(self.data, self.console)

    @property
    def written(self) -> int:
        """The number of bytes written; an attempt that wrote some cannot be retried."""
        return self.data.written + (0 if self.thinking_file is None else self.thinking_file.written)

    def fail(self, writer: Writer, error: MmpipeError, messages: Sequence[Message] = ()) -> None:
        """End the output with an error; `messages` are the conversation so far."""
        self.console.end_drawing()
        writer.fail(error, messages)

    def writer(self) -> Writer:
        """A fresh writer for an attempt."""
        match self.form.format:
            case "text":
                paper = TerminalText(self.data) if self.data.is_terminal else PlainText(self.data)
                return TextWriter(paper, self.thinking, with_calls=self.form.with_calls)
            case line_format:
                return create_line_writer(line_format, self.data, live=self.form.live)


@contextmanager
def open_targets(
    form: AnswerForm, options: ChatOptions, streams: Streams, console: Console
) -> Iterator[OutputTargets]:
    """The outlets for `form`; raises UsageError for a form that makes no sense, OutputError."""
    output, thinking_file = options.output.output, options.thinking.thinking_file
    if thinking_file is not None and form.format != "text":
        raise UsageError("--thinking-file goes with text; the JSON formats carry the thinking themselves")
    if thinking_file is not None and form.thinking in ("show", "hide"):
        raise UsageError(f"--thinking-file and --thinking {form.thinking} contradict each other")
    with ExitStack() as stack:
        if output is None or output == "-":
            streams.stdout.check_open()
            data = streams.stdout
        else:
            data = stack.enter_context(replace_output(output))
        file = None if thinking_file is None else stack.enter_context(open_output(thinking_file))
        mode = _mode(form, data, streams, file, dims=console.can_dim)
        thinking = None
        if form.format == "text" and mode == "split":
            thinking = _text_sink(file or (data if form.thinking == "show" else streams.stderr), console)
        yield OutputTargets(replace(form, thinking=mode), data, thinking, file, console)


def _mode(
    form: AnswerForm, data: Output, streams: Streams, file: Output | None, *, dims: bool
) -> ThinkingMode:
    """The default splits, except that text without a terminal to show thinking on hides it: cron mails stay clean."""
    if form.format == "text":
        mode = form.thinking or ("split" if file is not None or streams.stderr.is_terminal else "hide")
        # On a terminal that can, thinking is shown dimmed in place of its tags.
        return "split" if mode == "show" and data.is_terminal and dims else mode
    if form.format == "jsonl" and form.thinking == "show":
        return "split"
    return form.thinking or "split"


def _text_sink(output: Output, console: Console) -> TextSink:
    return TerminalText(output, dim=console.can_dim) if output.is_terminal else PlainText(output)
