"""What is said before the model answers: the transcript, the system message, results of tools and the prompt."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mmpipe.chat.options import ChatOptions, ConversationOptions
from mmpipe.chat.prompt import NO_PROMPT, PromptSources, read_prompt
from mmpipe.chat.transcript import Transcript, kept_transcript, parse_messages
from mmpipe.config.base_request import read_system_message
from mmpipe.core.calls import find_open_calls, format_calls
from mmpipe.core.events import Message, ToolCall, ToolResult
from mmpipe.core.messages import check_results, drop_open_calls
from mmpipe.errors import InputError, Interrupted, MmpipeError, OutputError, PipeClosed, ToolError, UsageError
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import decode_argument, read_stdin_text, read_text
from mmpipe.unix.streams import Input
from mmpipe.writers.console import Console

_STDIN = "standard input"


@dataclass(slots=True)
class Conversation:
    """All that was said: `earlier` stands in the transcript already, `new` does not yet."""

    earlier: tuple[Message, ...] = ()
    new: list[Message] = field(default_factory=list)
    tools_ran: bool = False
    is_answered: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """From the beginning."""
        return (*self.earlier, *self.new)

    def add_answer(self, messages: Iterable[Message], *, is_last: bool) -> None:
        """Add the messages of a turn; after the last one nothing is asked any more."""
        self.new += messages
        self.is_answered = is_last

    def add_results(self, results: Iterable[ToolResult]) -> None:
        """Add the results of tools that have run."""
        self.tools_ran = True
        self.new += [
            {"role": "tool", "tool_call_id": result.id, "content": result.content} for result in results
        ]

    def to_be_kept(self, error: BaseException | None = None) -> Sequence[Message]:
        """What is to be appended to the transcript when it ends so.

        Calls that nobody ran can be answered by another run. What tools did is done, whatever went wrong later. An answer
        that came whole is paid for, though its reader may have had enough.
        """
        if error is None or self.is_answered or isinstance(error, ToolError):
            return self.new
        return drop_open_calls(self.new) if self.tools_ran else ()


@contextmanager
def kept(options: ConversationOptions, patience: float, console: Console) -> Iterator[Transcript | None]:
    """The transcript of `-c`, held until the context ends; a run that holds it is waited for so many seconds."""
    if options.conversation is None:
        yield None
        return
    path = options.conversation
    if path == "-":
        raise UsageError("-c keeps the conversation in a file: `-` is none; --messages - reads one")

    def waiting() -> None:
        console.hint(f"waiting for another run that holds {path}; --no-wait does not")

    with kept_transcript(
        path, patience=0.0 if options.no_wait else patience, look=console.tick, waiting=waiting
    ) as transcript:
        if transcript.repaired is not None:
            console.warn(transcript.repaired)
        yield transcript


@contextmanager
def appended(transcript: Transcript | None, conversation: Conversation, console: Console) -> Iterator[None]:
    """When the context ends, what is to be kept of the conversation is in the transcript, on the disk."""
    try:
        yield
    except (MmpipeError, PipeClosed, Interrupted) as error:
        rest = conversation.to_be_kept(error)
        if transcript is not None and rest:
            # What went wrong first is what the user must hear of first.
            try:
                transcript.append(rest)
                console.warn(f"{transcript.path} keeps what was said until here")
            except OutputError as trouble:
                console.warn(f"{transcript.path} does not keep what was said until here: {trouble.message}")
        raise
    if transcript is not None:
        transcript.append(conversation.to_be_kept())


@dataclass(frozen=True, slots=True)
class UserInput:
    """What the user says, read but not yet part of a conversation: `results` are by the id of their call."""

    seed: tuple[Message, ...] = ()
    seed_name: str | None = None
    system: str | None = None
    results: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""


def read_said(options: ChatOptions, stdin: Input, console: Console) -> UserInput:
    """Read all that is to be said, before any transcript is locked: its writer may be the one that we read from.

    Raises InputError for what cannot be read, UsageError for results that make no sense.
    """

    def read(path: str) -> str:
        timeout = options.stdin.stdin_timeout
        return read_stdin_text(stdin, timeout, console.hint) if path == "-" else read_text(path)

    seed: tuple[Message, ...] = ()
    path = options.conversation.messages
    name = _STDIN if path == "-" else path
    if path is not None and name is not None:
        seed = parse_messages(read(path), name)
        if not seed:
            # The stage of a pipe before this one has failed.
            raise InputError(f"{name}: there is no message in it")
    results = _read_results(options.tools.tool_result, read)
    if results and not options.conversation.goes_on:
        raise UsageError("--tool-result answers a call of a conversation: it goes with -c or --messages")
    system = read_system_message(options.system)
    prompt = read_prompt(PromptSources.of(options), stdin, console.hint)
    return UserInput(seed, name, system, results, prompt)


def begun(
    said: UserInput, transcript: Transcript | None, *, runs_tools: bool, at_terminal: bool
) -> Conversation:
    """The conversation up to where the model is to speak; with `runs_tools` it may end with calls to be run.

    Raises InputError for what cannot be sent, and where there is nothing to ask (UsageError for a person `at_terminal`);
    UsageError for results of calls that were not made.
    """
    conversation = Conversation(() if transcript is None else transcript.messages)
    if said.seed_name is not None:
        if conversation.earlier:
            raise UsageError(
                "--messages begins a conversation, and that of -c has begun already: only one of them"
            )
        conversation.new += said.seed
    name = said.seed_name or ("the conversation" if transcript is None else transcript.path)
    check_results(conversation.messages, name)
    conversation.new += _results(said.results, find_open_calls(conversation.messages))
    _add_system(conversation, said.system)
    if said.prompt:
        conversation.new.append({"role": "user", "content": said.prompt})
    _check_answered(conversation.messages, runs_tools=runs_tools and not said.prompt)
    if not said.prompt and not _waits_for_answer(conversation.messages):
        nothing = "the prompt is empty, and nothing in the conversation waits for an answer"
        raise UsageError(NO_PROMPT) if at_terminal else InputError(nothing)
    return conversation


def _read_results(results: Sequence[str], read: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for result in results:
        identity, equals, value = result.partition("=")
        shown = one_line(identity, 60)
        if not (identity and equals):
            raise UsageError(f"--tool-result {shown}: it must look like ID=TEXT, ID=@FILE or ID=@-")
        if identity in found:
            raise UsageError(f"--tool-result {shown} is given twice")
        is_file = value.startswith("@")
        found[identity] = read(value[1:]) if is_file else decode_argument(value, f"--tool-result {shown}")
    return found


def _add_system(conversation: Conversation, text: str | None) -> None:
    """At the beginning if nothing is kept yet; otherwise where the conversation has come to, unless it still holds."""
    message: Message = {"role": "system", "content": text}
    said = [one.get("content") for one in conversation.messages if one.get("role") == "system"]
    if text is None or text in said[-1:]:
        return
    if find_open_calls(conversation.messages):
        raise UsageError("the calls at the end of the conversation come first: leave the system message away")
    if conversation.earlier or said:
        conversation.new.append(message)
    else:
        conversation.new.insert(0, message)


def _results(given: Mapping[str, str], waiting: Sequence[ToolCall]) -> list[Message]:
    """Results as messages, in the order of the calls."""
    for identity in given.keys() - {call.id for call in waiting}:
        those = f"those that wait are {format_calls(waiting)}" if waiting else "none waits for a result"
        raise UsageError(f"--tool-result {one_line(identity, 60)}: there is no such call; {those}")
    return [
        {"role": "tool", "tool_call_id": call.id, "content": given[call.id]}
        for call in waiting
        if call.id in given
    ]


def _check_answered(messages: Sequence[Message], *, runs_tools: bool) -> None:
    """Raise InputError for calls without a result, unless they are about to be run."""
    if runs_tools and find_open_calls(messages):
        return
    if waiting := _unanswered(messages):
        raise InputError(
            f"the result of {format_calls(waiting)} is missing: give it with --tool-result {waiting[0].id}=..."
        )


def _waits_for_answer(messages: Sequence[Message]) -> bool:
    """Whether the model is to speak, after a user or a tool, or once the calls at the end are run."""
    return bool(messages) and (
        messages[-1].get("role") in ("user", "tool") or bool(find_open_calls(messages))
    )


def _unanswered(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The calls that something else than their results comes after, or nothing."""
    for place in range(len(messages), 0, -1):
        if messages[place - 1].get("role") in ("assistant", "tool"):
            return find_open_calls(messages[:place])
    return ()
