"""Reads the prompt from words, files and standard input, as bytes that must be UTF-8 in every locale."""

import errno
import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmpipe.errors import InputError, UsageError
from mmpipe.unix.signals import AT_A_TIME
from mmpipe.unix.streams import Input

MAX_PROMPT = 64 * 2**20  # bytes; the service takes no larger request (api_facts 3.2)
NO_PROMPT = 'no prompt: say `mmpipe chat "your question"`, or pipe it in; --help tells more'
_NOTICE_AFTER = 2.0  # seconds
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PromptSources:
    """Where a prompt comes from, in the order of the contract: words, files, standard input.

    `stdin_is_for` is the option that has standard input for itself, `optional` whether one can do without a prompt.
    """

    words: Sequence[str] = ()
    files: Sequence[str] = ()
    use_stdin: bool = True
    stdin_timeout: float | None = None  # seconds
    stdin_is_for: str | None = None
    optional: bool = False

    @property
    def reads_rest(self) -> bool:
        """Whether standard input belongs to the prompt without being named."""
        return self.use_stdin and self.stdin_is_for is None and "-" not in (*self.words, *self.files)


def check_sources(sources: PromptSources, stdin: Input) -> None:
    """Find out before anything is waited for whether there can be a prompt at all.

    Raises UsageError where standard input is named twice or a person at a terminal gave no prompt, InputError where
    there is nothing to read.
    """
    timeout = sources.stdin_timeout
    if timeout is not None and not 0 < timeout < float("inf"):
        raise UsageError(f"stdin-timeout is {timeout}: it must be above 0, in seconds")
    places = [*sources.words, *sources.files].count("-")
    if places > 1:
        raise UsageError("standard input can be read once only: `-` is given more than once")
    if not sources.use_stdin and (places or sources.stdin_is_for is not None):
        raise UsageError("`-` is standard input, which --no-stdin says not to read")
    if places and sources.stdin_is_for is not None:
        raise UsageError(f"standard input can be read once only: {sources.stdin_is_for} takes it")
    if sources.words or sources.files or sources.optional:
        return
    if not sources.use_stdin:
        raise InputError("no prompt: --no-stdin, and neither words nor a file")
    if stdin.is_terminal:
        raise UsageError(NO_PROMPT)


def read_prompt(sources: PromptSources, stdin: Input, say: Callable[[str], None]) -> str:
    """The prompt: its parts joined by one blank line.

    Raises InputError where something cannot be read, is not UTF-8, or is empty and not optional.
    """

    def read_stdin() -> str:
        is_surprising = bool(sources.words) or sources.optional
        return read_stdin_text(stdin, sources.stdin_timeout, say if is_surprising else None)

    parts = _words(sources.words, read_stdin)
    parts += [read_stdin() if path == "-" else read_text(path) for path in sources.files]
    if sources.reads_rest and not stdin.is_terminal:
        parts.append(read_stdin())
    parts = [part for part in parts if part.strip()]
    if not parts and sources.optional:
        return ""
    if not parts:
        raise InputError("the prompt is empty")
    return "\n\n".join([*(part.rstrip("\n") for part in parts[:-1]), parts[-1]])


def read_stdin_text(stdin: Input, timeout: float | None, say: Callable[[str], None] | None) -> str:
    """All of standard input; raises InputError."""
    return _decoded(_read_stdin(stdin, timeout, say), "standard input")


def read_text(path: str) -> str:
    """The text of a file; raises InputError."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  Path would collapse names that the user typed
            content = file.read(MAX_PROMPT + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"cannot read {path!r}: {error}") from error
    return _decoded(content, path)


def _words(words: Sequence[str], read_stdin: Callable[[], str]) -> list[str]:
    """Words joined by one space; `-` alone is standard input at its place."""
    parts: list[str] = []
    run: list[str] = []
    for word in words:
        if word == "-":
            parts += [" ".join(run), read_stdin()]
            run = []
        else:
            run.append(typed_text(word, "the prompt"))
    return [*parts, " ".join(run)]


def typed_text(argument: str, name: str) -> str:
    """An argument of the command line as the user typed it, byte for byte; raises InputError."""
    return _decoded(os.fsencode(argument), name)


def _decoded(content: bytes, name: str) -> str:
    if len(content) > MAX_PROMPT:
        raise InputError(f"{name} is longer than {MAX_PROMPT} bytes")
    skipped = len(_BOM) if content.startswith(_BOM) else 0
    try:
        return content[skipped:].decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8: byte {error.start + skipped} is 0x{error.object[error.start]:02x}"
        ) from error


def _read_stdin(stdin: Input, timeout: float | None, say: Callable[[str], None] | None) -> bytes:
    """Everything up to the end of standard input, however long it takes, or within `timeout` seconds.

    `say` gets one sentence if nothing has arrived for a while, since a forgotten pipe looks like a hang.
    """
    now = time.monotonic()
    end = float("inf") if timeout is None else now + timeout
    notice = float("inf") if say is None else now + _NOTICE_AFTER
    content = bytearray()
    while len(content) <= MAX_PROMPT:
        now = time.monotonic()
        if now >= end:
            raise InputError(f"standard input did not end within {timeout:g} s (--stdin-timeout)")
        if now >= notice and say is not None:
            say("waiting for standard input to end; -n (--no-stdin) does without it")
            notice = float("inf")
        wake = min(end, notice, now + AT_A_TIME)
        if select.select([stdin.descriptor], [], [], wake - now)[0]:
            notice = float("inf")
            piece = _read(stdin)
            if piece == b"":
                break
            content += piece or b""
    return bytes(content)


def _read(stdin: Input) -> bytes | None:
    """What is there; empty at the end, None if somebody else took it first."""
    try:
        piece = os.read(stdin.descriptor, 2**20)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO and os.isatty(stdin.descriptor):
            # A background job may not read from its terminal.
            return b""
        raise InputError(f"cannot read standard input: {error.strerror}") from error
    if not piece and stdin.is_terminal and not os.isatty(stdin.descriptor):
        # Whoever typed there did not say that this was all.
        raise InputError("cannot read standard input: its terminal is gone")
    return piece
