"""Opens the outputs of an answer, before the request: an answer that cannot be written is not paid for."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from mmpipe.chat.options import ChatOptions
from mmpipe.core.events import Message
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.dataclass import dataclass
from mmpipe.errors import Interrupted, MmpipeError, OutputError, PipeClosed, UsageError
from mmpipe.unix.files import open_output, replace_output
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.lines import create_line_writer
from mmpipe.writers.options import OutputFormat
from mmpipe.writers.text import TextWriter
from mmpipe.writers.text_forms import TaggedForm
from mmpipe.writers.text_sink import MarkdownChoice, TextSink
from mmpipe.writers.watch import OutputWatch
from mmpipe.writers.writer import Writer


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The form in which an answer is written; without `thinking` the default of the format holds.

    With `live` it is written as it arrives. `with_calls` is false where tools run here, and text need not show the calls.
    Without `markdown` text stays as it is.
    """

    format: OutputFormat = "text"
    thinking: ThinkingMode | None = None
    markdown: MarkdownChoice | None = None
    live: bool = False
    with_calls: bool = True


@dataclass(frozen=True, slots=True)
class ThinkingTarget:
    """The mode of the thinking; `sink` is the place of thinking apart from the answer, `file` that of `--thinking-file`.

    With `with_gap` a blank line follows the thinking.
    """

    mode: ThinkingMode
    sink: TextSink | None = None
    file: Output | None = None
    with_gap: bool = False


@dataclass(frozen=True, slots=True)
class OutputTargets:
    """The open outputs of an answer, and the console beside them."""

    form: AnswerForm
    data: Output
    thinking: ThinkingTarget
    console: Console

    @property
    def watch(self) -> OutputWatch:
        """The watch over the output of the answer."""
        return OutputWatch(self.data, self.console)

    @property
    def written(self) -> int:
        """The number of bytes written; an attempt that wrote some cannot be retried."""
        file = self.thinking.file
        return self.data.written + (0 if file is None else file.written)

    def writer(self) -> Writer:
        """Return a fresh writer, for one attempt."""
        match self.form.format:
            case "text":
                return TextWriter(
                    self._open_sink(),
                    self.thinking.sink,
                    with_calls=self.form.with_calls,
                    with_gap=self.thinking.with_gap,
                )
            case line_format:
                return create_line_writer(line_format, self.data, live=self.form.live)

    def _open_sink(self) -> TextSink:
        markdown = self.form.markdown
        if markdown is not None and markdown.holds_for(self.data):
            return markdown.open(self.data)
        return TextSink.of(self.data)

    def interrupt(self, writer: Writer) -> None:
        """Write what a terminal has not got yet, as far as possible: a signal ends the run."""
        self.console.end_drawing()
        with suppress(OutputError, PipeClosed):
            writer.interrupt()

    def fail(self, writer: Writer, error: MmpipeError, messages: Sequence[Message] = ()) -> None:
        """End the output with an error; `messages` are the conversation so far."""
        self.console.end_drawing()
        writer.fail(error, messages)


@dataclass(slots=True)
class RecordingErrors:
    """The errors of recordings that could not be written; `first` is raised after the answer is written, which is paid."""

    first: OutputError | None = None

    def add(self, error: OutputError) -> None:
        """Keep the first error."""
        if self.first is None:
            self.first = error


@contextmanager
def report_unrecorded(console: Console) -> Iterator[RecordingErrors]:
    """Yield a place for errors of recordings; raises the first when the context ends, or warns after another error."""
    errors = RecordingErrors()
    try:
        yield errors
    except (MmpipeError, PipeClosed, Interrupted):
        if errors.first is not None:
            console.warn(f"the answer was not recorded: {errors.first.message}")
        raise
    if errors.first is not None:
        raise errors.first.derived(
            sentence=f"the answer is written, but not recorded: {errors.first.sentence}"
        )


@contextmanager
def open_targets(
    form: AnswerForm, options: ChatOptions, streams: Streams, console: Console, unrecorded: RecordingErrors
) -> Iterator[OutputTargets]:
    """Open the outputs until the context ends; raises UsageError for contradicting options, OutputError.

    The answer is followed by an error of its recording, in a form that has errors.
    """
    output, thinking_file = options.output.output, options.thinking.thinking_file
    if thinking_file is not None and form.format != "text":
        raise UsageError(
            "--thinking-file goes with text", hint="the JSON formats carry the thinking themselves"
        )
    if thinking_file is not None and form.thinking in ("show", "hide"):
        raise UsageError(f"--thinking-file and --thinking {form.thinking} contradict each other")
    if thinking_file == "-":
        raise UsageError(
            "--thinking-file -: standard output is for the answer", hint="-t show writes both there"
        )
    with ExitStack() as stack:
        if output is None or output == "-":
            streams.stdout.check_open()
            data = streams.stdout
        else:
            data = stack.enter_context(replace_output(output))
        file = None if thinking_file is None else stack.enter_context(open_output(thinking_file))
        can_dim = console.can_dim and data.is_terminal
        # Thinking is never rendered.
        is_apart = can_dim or (form.markdown is not None and form.markdown.holds_for(data))
        mode = _choose_mode(form, has_place=file is not None or streams.stderr.is_terminal, is_apart=is_apart)
        thinking = ThinkingTarget(mode, file=file)
        if form.format == "text" and mode == "split":
            is_shown = file is None and form.thinking == "show"
            place = file or (data if is_shown else streams.stderr)
            has_tags = is_shown and not can_dim
            sink = TextSink(data, TaggedForm()) if has_tags else TextSink.of(place, dim=console.can_dim)
            thinking = ThinkingTarget(mode, sink, file, with_gap=can_dim and _is_one_terminal(place, data))
        targets = OutputTargets(form, data, thinking, console)
        yield targets
        if unrecorded.first is not None:
            targets.fail(targets.writer(), unrecorded.first)


def _is_one_terminal(thinking: Output, data: Output) -> bool:
    """Return True if thinking and answer follow each other on one screen."""
    return data.is_terminal and os.path.sameopenfile(thinking.descriptor, data.descriptor)


def _choose_mode(form: AnswerForm, *, has_place: bool, is_apart: bool) -> ThinkingMode:
    """Return the mode: split by default, but hide in text that has no place for the thinking, so that cron mails stay clean."""
    if form.format == "text":
        mode = form.thinking or ("split" if has_place else "hide")
        # A terminal that can dim shows dimmed thinking instead of the tags.
        return "split" if mode == "show" and is_apart else mode
    if form.format == "jsonl" and form.thinking == "show":
        return "split"
    return form.thinking or "split"
