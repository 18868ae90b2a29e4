"""Opens where an answer goes, and picks the writer for its form; before anything is asked, so nothing is paid in vain."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mmpipe.chat.stats import AnswerStats
from mmpipe.core.events import Message
from mmpipe.errors import UsageError
from mmpipe.unix.files import open_output, replace_output
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.lines import EventWriter, RawWriter, RecordWriter, TranscriptWriter
from mmpipe.writers.text import PlainText, TerminalText, TextSink, TextWriter
from mmpipe.writers.writer import Writer

THINKING = ("show", "split", "hide")


@dataclass(frozen=True, slots=True)
class Form:
    """How the user wants the answer; `thinking` is None where the default of the format holds.

    `live` is as it arrives; `with_calls` is false where tool calls are run here, and text need not tell of them.
    """

    format: str = "text"
    thinking: str | None = None
    thinking_file: str | None = None
    output: str | None = None
    live: bool = False
    with_calls: bool = True


@dataclass(frozen=True, slots=True)
class OutputTargets:
    """Open outputs; `mode` is what is to be done with thinking."""

    form: Form
    mode: str
    data: Output
    thinking: TextSink | None
    thinking_file: Output | None

    @property
    def written(self) -> int:
        """The bytes that are out; what has brought some of them cannot be asked for again."""
        return self.data.written + (0 if self.thinking_file is None else self.thinking_file.written)

    def writer(self, account: AnswerStats, transcript: Callable[[], Sequence[Message]]) -> Writer:
        """A fresh writer for an attempt; `transcript` is all that was said, the answer included."""
        match self.form.format:
            case "json":
                return RecordWriter(self.data, lambda: account.record(with_thinking=self.mode == "split"))
            case "jsonl":
                return EventWriter(self.data)
            case "messages":
                return TranscriptWriter(self.data, transcript)
            case "raw":
                return RawWriter(self.data, live=self.form.live)
            case _:
                paper = TerminalText(self.data) if self.data.is_terminal else PlainText(self.data)
                return TextWriter(paper, self.thinking, with_calls=self.form.with_calls)


@contextmanager
def open_targets(form: Form, streams: Streams, console: Console) -> Iterator[OutputTargets]:
    """The outlets for `form`; raises UsageError for a form that makes no sense, OutputError."""
    if form.thinking_file is not None and form.format != "text":
        raise UsageError("--thinking-file goes with text; the JSON formats carry the thinking themselves")
    if form.thinking_file is not None and form.thinking in ("show", "hide"):
        raise UsageError(f"--thinking-file and --thinking {form.thinking} contradict each other")
    with ExitStack() as stack:
        if form.output in (None, "-"):
            streams.stdout.check_open()
            data = streams.stdout
        else:
            data = stack.enter_context(replace_output(str(form.output)))
        file = None if form.thinking_file is None else stack.enter_context(open_output(form.thinking_file))
        mode = _mode(form, data, streams, file, dims=console.can_dim)
        yield OutputTargets(form, mode, data, _thinking_paper(form, mode, data, streams, file, console), file)


def _mode(form: Form, data: Output, streams: Streams, file: Output | None, *, dims: bool) -> str:
    """The default splits, except that text without a terminal to show thinking on hides it: cron mails stay clean."""
    if form.format == "text":
        mode = form.thinking or ("split" if file is not None or streams.stderr.is_terminal else "hide")
        # On a terminal that can, thinking is shown dimmed in place of its tags.
        return "split" if mode == "show" and data.is_terminal and dims else mode
    if form.format == "jsonl" and form.thinking == "show":
        return "split"
    return form.thinking or "split"


def _thinking_paper(
    form: Form, mode: str, data: Output, streams: Streams, file: Output | None, console: Console
) -> TextSink | None:
    if form.format != "text" or mode != "split":
        return None
    output = file or (data if form.thinking == "show" else streams.stderr)
    return TerminalText(output, dim=console.can_dim) if output.is_terminal else PlainText(output)
