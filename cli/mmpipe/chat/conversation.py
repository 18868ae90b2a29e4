"""A conversation from its opening to its end: the messages before the answer, those added, and the transcript of `-c`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mmpipe.chat.opening import add_user_input, adds_second_system, check_ready
from mmpipe.chat.options import ChatOptions, ConversationOptions
from mmpipe.chat.transcript import Transcript, open_transcript
from mmpipe.chat.user_input import read_user_input
from mmpipe.core.events import Message, ToolResult
from mmpipe.core.messages import drop_open_calls
from mmpipe.errors import Interrupted, MmpipeError, OutputError, PipeClosed, ToolError, UsageError
from mmpipe.unix.inputs import Inputs
from mmpipe.writers.console import Console


@dataclass(slots=True)
class Conversation:
    """The messages of a conversation: those of the transcript of `-c`, if any, and `new` ones, which are not in it yet."""

    transcript: Transcript | None = None
    new: list[Message] = field(default_factory=list)
    tools_ran: bool = False
    is_answered: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages."""
        return (*_earlier(self.transcript), *self.new)

    def add_answer(self, messages: Iterable[Message], *, is_last: bool) -> None:
        """Add the messages of a turn; the last one answers the user."""
        self.new += messages
        self.is_answered = is_last

    def add_results(self, results: Iterable[ToolResult]) -> None:
        """Add the results of tools that have run."""
        self.tools_ran = True
        self.new += [
            {"role": "tool", "tool_call_id": result.id, "content": result.content} for result in results
        ]

    def to_keep(self, error: BaseException | None = None) -> Sequence[Message]:
        """The messages to append to the transcript after this error, or none.

        Another run can answer calls that nobody ran. A tool that has run cannot be undone, whatever failed later. A whole
        answer is paid, even if its reader has gone.
        """
        if error is None or self.is_answered or isinstance(error, ToolError):
            return self.new
        return drop_open_calls(self.new) if self.tools_ran else ()


@contextmanager
def open_conversation(
    options: ChatOptions, inputs: Inputs, console: Console, *, patience: float, runs_tools: bool
) -> Iterator[Conversation]:
    """Read the user's input, lock the transcript of `-c`, and yield the conversation up to the answer.

    All input is read before the lock: the program that mmpipe reads from may be writing to the same transcript. The lock is
    awaited for up to `patience` seconds. With `runs_tools` the conversation may end with calls to be run.

    Raises UsageError and InputError for options and input, Busy, OutputError.
    """
    user_input = read_user_input(options, inputs, console.warn)
    with _open_transcript(options.conversation, console, patience) as transcript:
        name = "the conversation" if transcript is None else transcript.path
        new = add_user_input(_earlier(transcript), user_input, name, options.default_system)
        conversation = Conversation(transcript, new)
        if adds_second_system(conversation.messages, new, user_input):
            console.warn(f"{name} has another system message: the new one follows it, and both are sent")
        check_ready(conversation.messages, runs_tools=runs_tools, at_terminal=inputs.stdin.is_terminal)
        yield conversation


@contextmanager
def append_at_end(conversation: Conversation, console: Console) -> Iterator[None]:
    """When the context ends, new messages are in the transcript, on the disk; after an error, those of `to_keep`.

    Raises OutputError. A context of its own, so that the transcript is extended before `-o FILE` is replaced.
    """
    transcript = conversation.transcript
    try:
        yield
    except (MmpipeError, PipeClosed, Interrupted) as error:
        if transcript is not None:
            _append_rest(transcript, conversation.to_keep(error), console)
        raise
    if transcript is not None:
        transcript.append(conversation.to_keep())


def _earlier(transcript: Transcript | None) -> tuple[Message, ...]:
    return () if transcript is None else transcript.messages


@contextmanager
def _open_transcript(
    options: ConversationOptions, console: Console, patience: float
) -> Iterator[Transcript | None]:
    """The transcript of `-c`, locked until the context ends."""
    path = options.conversation
    if path is None:
        yield None
        return
    if path == "-":
        raise UsageError("-c keeps the conversation in a file: `-` is none", hint="--messages - reads one")

    def waiting() -> None:
        console.remark(f"waiting for another run that holds {path}; --no-wait does not")

    with open_transcript(
        path, patience=0.0 if options.no_wait else patience, look=console.tick, waiting=waiting
    ) as transcript:
        if transcript.repaired is not None:
            console.warn(transcript.repaired)
        yield transcript


def _append_rest(transcript: Transcript, messages: Sequence[Message], console: Console) -> None:
    """Append what an error has left; the user hears of the error first, so this raises none."""
    if not messages:
        return
    try:
        transcript.append(messages)
    except OutputError as error:
        console.warn(f"{transcript.path} does not keep the conversation until here: {error.message}")
    else:
        console.warn(f"{transcript.path} keeps the conversation until here")
