"""Builds the prompt from words, files and standard input."""

from collections.abc import Callable, Iterator, Sequence

from mmpipe.chat.options import WORD, ChatOptions, PromptOptions, StdinOptions
from mmpipe.config.options import EncodingOptions, SystemMessageOptions
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.inputs import UNNAMED, Inputs, NamedInput, decode_argument

_TO_TYPE = 'type `mmpipe chat "your question"`, or pipe it in'
NO_PROMPT = f"no prompt: {_TO_TYPE}"
_NO_TASK = 'no prompt: say what to do with what is attached, as in `mmpipe chat -a photo.png "Describe it."`'


@dataclass(frozen=True, slots=True)
class PromptSources:
    """The sources of a prompt, in the order of its parts: words, files, standard input.

    With `optional` a prompt may be missing.
    """

    prompt: PromptOptions = PromptOptions()
    stdin: StdinOptions = StdinOptions()
    encoding: EncodingOptions = EncodingOptions()
    optional: bool = False

    @classmethod
    def of(cls, options: ChatOptions) -> "PromptSources":
        """Return the sources in all options. A system message says enough about what is attached."""
        has_task = bool(options.prompt.attach) and options.system != SystemMessageOptions()
        optional = options.conversation.goes_on or has_task
        return cls(options.prompt, options.stdin, options.encoding, optional=optional)


def check_sources(sources: PromptSources, inputs: Inputs) -> None:
    """Check, before any input is awaited, that there can be a prompt.

    Raises UsageError if a person at a terminal gave no prompt, InputError if there is nothing to read.
    """
    if sources.prompt.words or sources.prompt.file or sources.optional:
        return
    if inputs.taken_by is not None:
        raise InputError(
            f"no prompt: standard input is for {inputs.taken_by}, and there are neither words nor a file"
        )
    if sources.stdin.no_stdin:
        if sources.prompt.attach:
            raise InputError(_NO_TASK)
        raise InputError(
            "no prompt: --no-stdin, and neither words nor a file",
            hint='type `mmpipe chat -n "your question"`, or leave -n out and pipe it in',
        )
    if inputs.stdin.is_terminal:
        if sources.prompt.attach:
            raise UsageError(_NO_TASK)
        raise UsageError(NO_PROMPT, hint="see --help")


def read_prompt(sources: PromptSources, inputs: Inputs, warn: Callable[[str], None]) -> str:
    """Return the prompt: its parts, joined by one blank line. Warns of a pipe without a byte beside other parts.

    Raises InputError for a part that cannot be read or decoded, and for an empty prompt that is not optional.
    """
    # Without words or a conversation, a user knows that mmpipe reads standard input.
    expected = not (sources.prompt.words or sources.optional)

    def read(named: NamedInput) -> str:
        return inputs.read_text(named, sources.encoding.codec, expected=expected)

    parts = [*_read_words(sources.prompt.words, read), *map(read, sources.prompt.files)]
    if inputs.taken_by is None and not (sources.stdin.no_stdin or inputs.stdin.is_terminal):
        parts.append(read(UNNAMED))
    parts = [part for part in parts if part.strip()]
    if parts and inputs.was_empty_pipe:
        warn(
            "standard input was a pipe without a byte: did the program before it fail? -n (--no-stdin) reads none"
        )
    if not parts and sources.optional:
        return ""
    if not parts:
        hint = "did the program before mmpipe in the pipe fail?" if inputs.was_empty_pipe else _TO_TYPE
        if sources.prompt.attach:
            raise InputError(_NO_TASK)
        raise InputError("the prompt is empty", hint=hint)
    return "\n\n".join([*(part.rstrip("\n") for part in parts[:-1]), parts[-1]])


def _read_words(words: Sequence[str], read: Callable[[NamedInput], str]) -> Iterator[str]:
    """Yield the words, joined by one space; the word `-` is a part of its own: standard input."""
    joined: list[str] = []
    for word in words:
        if word == "-":
            yield " ".join(joined)
            yield read(NamedInput(WORD, word))
            joined = []
        else:
            joined.append(decode_argument(word, "the prompt"))
    yield " ".join(joined)
