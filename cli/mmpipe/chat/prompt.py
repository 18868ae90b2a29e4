"""Builds the prompt from words, files and standard input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmpipe.chat.options import ChatOptions, PromptOptions, StdinOptions
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.inputs import decode_argument, read_stdin_text, read_text
from mmpipe.unix.streams import Input

NO_PROMPT = 'no prompt: type `mmpipe chat "your question"`, or pipe it in; see --help'


@dataclass(frozen=True, slots=True)
class PromptSources:
    """The sources of a prompt, in the order of its parts: words, files, standard input.

    `stdin_is_for` is another option that reads standard input. With `optional` a prompt may be missing.
    """

    prompt: PromptOptions = PromptOptions()
    stdin: StdinOptions = StdinOptions()
    stdin_is_for: str | None = None
    optional: bool = False

    @classmethod
    def of(cls, options: ChatOptions) -> "PromptSources":
        """The sources beside all other options that read standard input; raises UsageError."""
        results = (result.partition("=") for result in options.tools.tool_result)
        named = [f"--tool-result {call}" for call, _, value in results if value == "@-"]
        named += ["--messages"] if options.conversation.messages == "-" else []
        if len(named) > 1:
            raise UsageError(f"standard input can be read once only: {' and '.join(named)} take it")
        return cls(
            options.prompt,
            options.stdin,
            stdin_is_for=named[0] if named else None,
            optional=options.conversation.goes_on,
        )

    @property
    def places(self) -> Sequence[str]:
        """Words and files, among which `-` is standard input."""
        return (*self.prompt.words, *self.prompt.file)

    @property
    def reads_rest(self) -> bool:
        """True if standard input belongs to the prompt without being named."""
        return not self.stdin.no_stdin and self.stdin_is_for is None and "-" not in self.places


def check_sources(sources: PromptSources, stdin: Input) -> None:
    """Check, before any input is awaited, that there can be a prompt.

    Raises UsageError if standard input is named twice or a person at a terminal gave no prompt; InputError if there is
    nothing to read.
    """
    places = sources.places.count("-")
    if places > 1:
        raise UsageError("standard input can be read once only: `-` is given more than once")
    if sources.stdin.no_stdin and (places or sources.stdin_is_for is not None):
        raise UsageError("`-` is standard input, which --no-stdin says not to read")
    if places and sources.stdin_is_for is not None:
        raise UsageError(f"standard input can be read once only: {sources.stdin_is_for} takes it")
    if sources.places or sources.optional:
        return
    if sources.stdin.no_stdin:
        raise InputError("no prompt: --no-stdin, and neither words nor a file")
    if stdin.is_terminal:
        raise UsageError(NO_PROMPT)


def read_prompt(sources: PromptSources, stdin: Input, hint: Callable[[str], None]) -> str:
    """Return the prompt: its parts, joined by one blank line. `hint` gets a sentence if standard input is awaited for long.

    Raises InputError for a part that cannot be read or is not UTF-8, and for an empty prompt that is not optional.
    """

    def read_stdin() -> str:
        # Without words or a conversation, a user knows that mmpipe reads standard input.
        is_surprising = bool(sources.prompt.words) or sources.optional
        return read_stdin_text(stdin, sources.stdin.stdin_timeout, hint if is_surprising else None)

    parts = _read_words(sources.prompt.words, read_stdin)
    parts += [read_stdin() if path == "-" else read_text(path) for path in sources.prompt.file]
    if sources.reads_rest and not stdin.is_terminal:
        parts.append(read_stdin())
    parts = [part for part in parts if part.strip()]
    if not parts and sources.optional:
        return ""
    if not parts:
        raise InputError("the prompt is empty")
    return "\n\n".join([*(part.rstrip("\n") for part in parts[:-1]), parts[-1]])


def _read_words(words: Sequence[str], read_stdin: Callable[[], str]) -> list[str]:
    """Return the words, joined by one space; the word `-` is a part of its own: standard input."""
    parts: list[str] = []
    joined: list[str] = []
    for word in words:
        if word == "-":
            parts += [" ".join(joined), read_stdin()]
            joined = []
        else:
            joined.append(decode_argument(word, "the prompt"))
    return [*parts, " ".join(joined)]
