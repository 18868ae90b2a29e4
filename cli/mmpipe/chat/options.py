"""The options of `chat` and `stream`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from mmpipe.api.options import RecordingOptions
from mmpipe.config.options import EncodingOptions, RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.core.attachments import is_url
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, argument, option
from mmpipe.structured.options import ConstraintOptions
from mmpipe.tools.options import ToolOptions
from mmpipe.unix.inputs import NamedInput, StdinRules
from mmpipe.writers.options import OutputFormat, Verbosity

WORD: Final = "PROMPT"  # the placeholder of the words


@dataclass(frozen=True, slots=True)
class PromptOptions(OptionGroup):
    """The parts of the prompt."""

    title = "Input"

    words: Annotated[
        tuple[str, ...],
        argument(WORD, help="The prompt; words are joined by one space, `-` is standard input."),
    ] = ()
    file: Annotated[
        tuple[str, ...],
        option("-f", "--file", metavar="PATH", help="Add a file to the prompt; `-` is standard input."),
    ] = ()
    attach: Annotated[
        tuple[str, ...],
        option(
            "-a", "--attach", metavar="PATH|URL", help="Attach an image or a video; `-` is standard input."
        ),
    ] = ()

    @property
    def inputs(self) -> Iterator[NamedInput]:
        """The files, and standard input where a word names it."""
        yield from (NamedInput(WORD, word) for word in self.words if word == "-")
        yield from self.files
        yield from (NamedInput("-a", word) for word in self.attach if not is_url(word))

    @property
    def files(self) -> Iterator[NamedInput]:
        """The files."""
        yield from (NamedInput("-f", path) for path in self.file)


@dataclass(frozen=True, slots=True)
class ConversationOptions(OptionGroup):
    """The transcript of an earlier conversation; both are paths."""

    title = "Input"

    messages: Annotated[
        str | None,
        option(
            "--messages",
            metavar="PATH",
            help="Start from a transcript: JSONL, an array or a request body.",
        ),
    ] = None
    conversation: Annotated[
        str | None,
        option(
            "-c",
            "--conversation",
            metavar="FILE",
            help="Continue the conversation in FILE, and append to it.",
        ),
    ] = None
    no_wait: Annotated[bool, option("--no-wait", help="Fail (15) if another run holds the conversation.")] = (
        False
    )

    @property
    def inputs(self) -> Iterator[NamedInput | None]:
        """The transcripts."""
        yield self.messages_input
        # `-` is no file that a conversation could be kept in.
        yield None if self.conversation == "-" else NamedInput.of("-c", self.conversation)

    @property
    def messages_input(self) -> NamedInput | None:
        """The transcript that is only read."""
        return NamedInput.of("--messages", self.messages)

    @property
    def goes_on(self) -> bool:
        """True if there are earlier messages."""
        return self.messages is not None or self.conversation is not None


@dataclass(frozen=True, slots=True)
class StdinOptions(OptionGroup):
    """The options of standard input."""

    title = "Input"

    no_stdin: Annotated[bool, option("-n", "--no-stdin", help="Never read standard input (like ssh -n).")] = (
        False
    )
    stdin_timeout: Annotated[
        float | None,
        option(
            "--stdin-timeout",
            metavar="DURATION",
            above=0,
            help="Fail if standard input has not ended by then.",
        ),
    ] = None

    @property
    def rules(self) -> StdinRules:
        """The rules for reading it."""
        return StdinRules(never=self.no_stdin, timeout=self.stdin_timeout)


@dataclass(frozen=True, slots=True)
class ThinkingOptions(OptionGroup):
    """The form and the place of the thinking."""

    title = "Thinking"

    thinking: Annotated[
        ThinkingMode | None,
        option("-t", "--thinking", help="Thinking before the answer, apart from it, or not at all."),
    ] = None
    thinking_file: Annotated[
        str | None,
        option("--thinking-file", metavar="PATH", help="Where split thinking goes (/dev/fd/3 works)."),
    ] = None


@dataclass(frozen=True, slots=True)
class OutputOptions(OptionGroup):
    """The format and the place of the answer."""

    title = "Output"

    format: Annotated[OutputFormat | None, option("-F", "--format", help="Format of the answer [text].")] = (
        None
    )
    json: Annotated[bool, option("--json", help="The same as -F json.")] = False
    markdown: Annotated[
        bool, option("--markdown", help="Render Markdown, if the answer goes to a terminal.")
    ] = False
    no_markdown: Annotated[
        bool, option("--no-markdown", help="Show Markdown as it is, whatever the configuration says.")
    ] = False
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write to FILE, all of the answer or nothing.",
        ),
    ] = None
    meta: Annotated[
        str | None,
        option(
            "--meta",
            metavar="FILE",
            help="Append a JSON line about each tool that ran and one about the answer.",
        ),
    ] = None
    allow_truncated: Annotated[
        bool, option("--allow-truncated", help="An answer cut off at its token limit is no failure.")
    ] = False

    def __post_init__(self) -> None:
        """Raise UsageError for two formats, and for a switch that is both on and off."""
        if self.markdown and self.no_markdown:
            raise UsageError("--markdown and --no-markdown: use only one of them")
        if self.json and self.format not in (None, "json"):
            raise UsageError(f"--json and -F {self.format} contradict each other")

    @property
    def chosen_format(self) -> OutputFormat:
        """The format, by either option."""
        return "json" if self.json else self.format or "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """All options of one answer."""

    prompt: PromptOptions = PromptOptions()
    conversation: ConversationOptions = ConversationOptions()
    system: SystemMessageOptions = SystemMessageOptions()
    stdin: StdinOptions = StdinOptions()
    encoding: EncodingOptions = EncodingOptions()
    request: RequestOptions = RequestOptions()
    thinking: ThinkingOptions = ThinkingOptions()
    output: OutputOptions = OutputOptions()
    constraint: ConstraintOptions = ConstraintOptions()
    tools: ToolOptions = ToolOptions()
    recordings: RecordingOptions = RecordingOptions()
    verbosity: Verbosity = Verbosity()
    service: ServiceOptions = ServiceOptions()
    # Of the configuration: for a conversation that begins, and has none.
    default_system: str | None = None

    @property
    def configurable(self) -> Sequence[OptionGroup]:
        """The groups with options that a configuration file may hold too, but for the service."""
        return self.request, self.thinking, self.output, self.system

    @property
    def inputs(self) -> Iterator[NamedInput | None]:
        """The inputs that are named; standard input may be part of the prompt without a name."""
        yield from (self.constraint.input, self.tools.input, self.system.input)
        yield from self.conversation.inputs
        yield from self.tools.result_inputs
        yield from self.prompt.inputs
