"""The sections of what is said to the model: prompt, transcript and system message."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mmpipe.commands.sections import SystemMessage
from mmpipe.errors import UsageError
from mmpipe.grammar import Section, argument, option

if TYPE_CHECKING:
    from mmpipe.chat.conversation import ConversationOptions


@dataclass(frozen=True, slots=True)
class Prompt(Section):
    """What the prompt is made of."""

    title = "Input"

    words: Annotated[
        list[str] | None,
        argument("PROMPT", help="The prompt; words are joined by one space, `-` is standard input."),
    ] = None
    file: Annotated[
        list[str] | None,
        option("-f", "--file", metavar="PATH", help="Add a file to the prompt; `-` is standard input."),
    ] = None


@dataclass(frozen=True, slots=True)
class Conversation(Section):
    """What was said before."""

    title = "Input"

    messages: Annotated[
        str | None,
        option("--messages", metavar="PATH", help="Go on from a transcript: JSONL of messages, or an array."),
    ] = None
    conversation: Annotated[
        str | None,
        option(
            "-c", "--conversation", metavar="FILE", help="Go on from FILE, and append what is said to it."
        ),
    ] = None
    no_wait: Annotated[bool, option("--no-wait", help="Fail (15) if another run holds the conversation.")] = (
        False
    )


@dataclass(frozen=True, slots=True)
class StandardInput(Section):
    """How standard input is read."""

    title = "Input"

    no_stdin: Annotated[bool, option("-n", "--no-stdin", help="Never read standard input (like ssh -n).")] = (
        False
    )
    stdin_timeout: Annotated[
        float | None,
        option("--stdin-timeout", metavar="SECONDS", help="Fail if standard input has not ended by then."),
    ] = None


def conversation_options(
    prompt: Prompt,
    conversation: Conversation,
    system: SystemMessage,
    stdin: StandardInput,
    results: tuple[str, ...],
) -> "ConversationOptions":
    from mmpipe.chat.conversation import ConversationOptions
    from mmpipe.chat.prompt import PromptSources

    if system.system is not None and system.system_file is not None:
        raise UsageError("--system and --system-file: one of them")
    words, files = tuple(prompt.words or ()), tuple(prompt.file or ())
    return ConversationOptions(
        messages=conversation.messages,
        file=conversation.conversation,
        waits=not conversation.no_wait,
        results=results,
        system=system.system,
        system_file=system.system_file,
        prompt=PromptSources(words, files, not stdin.no_stdin, stdin.stdin_timeout),
    )
