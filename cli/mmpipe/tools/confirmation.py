"""Asks the user to permit a tool, on the controlling terminal, even if standard input and output are redirected."""

import os
import select
import shlex
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mmpipe.errors import OutputError, ToolError
from mmpipe.text.cells import count_cells, name_invisible
from mmpipe.text.counts import format_count
from mmpipe.unix.streams import Output
from mmpipe.unix.waiting import wait_until_ready
from mmpipe.writers.terminal import read_terminal_width

_TERMINAL = "/dev/tty"
_YES = (b"y", b"yes")
_HIDDEN: Final = ("more character, WHICH IS NOT SHOWN", "more characters, WHICH ARE NOT SHOWN")
_MAX_SHOWN = 4096  # characters of arguments; nobody reads more
_MAX_LINE = 1024  # bytes
_MARGIN = "  | "  # so that text of the model cannot imitate a line of mmpipe
_MIN_WIDTH = 2  # cells; the widest character must fit
_LONG = 10  # lines of arguments; after more the command is repeated


def ask_user(name: str, argv: Sequence[str], arguments: str, seconds: float) -> bool:
    """Return True if the user answers yes within `seconds`; any other answer is a no.

    Keys typed before the question are dropped. Raises ToolError if there is no terminal.
    """
    with _open_terminal() as descriptor:
        terminal = Output(descriptor, _TERMINAL, is_terminal=True)
        try:
            termios.tcflush(descriptor, termios.TCIFLUSH)
            columns = read_terminal_width(terminal, {})
            terminal.write(format_question(name, argv, arguments, columns).encode())
            answer = _read_line(descriptor, time.monotonic() + seconds)
            if answer is None:
                # Half an answer must reach neither the shell nor the next question.
                termios.tcflush(descriptor, termios.TCIFLUSH)
                terminal.write(b"\nmmpipe: no answer in time: taken as no\n")
        except (OSError, OutputError, termios.error):
            # The terminal hung up, or belongs to another job.
            return False
    return answer is not None and answer.strip().lower() in _YES


def format_question(name: str, argv: Sequence[str], arguments: str, columns: int) -> str:
    """Return the question for a terminal of so many columns: wrapped by us, every invisible character named.

    After long arguments the command is repeated, since its first line has left the screen.
    """
    # Some terminals begin a new line after a character in the last column.
    width = max(_MIN_WIDTH, columns - len(_MARGIN) - 1)
    command = list(_wrap(name_invisible(f"{name}: {shlex.join(argv)}"), width))
    shown = list(_wrap(name_invisible(arguments[:_MAX_SHOWN]), width))
    rest = len(arguments) - _MAX_SHOWN
    return "\n".join(
        [
            *("mmpipe: the model asks to run", *command, "with these arguments:", *shown),
            *([f"and {format_count(rest, *_HIDDEN)}"] if rest > 0 else []),
            *(["for the command", *command] if len(shown) > _LONG else []),
            "run it? [y/N] ",
        ]
    )


def check_terminal() -> None:
    """Raise ToolError if there is no terminal for questions, before any request costs money."""
    with _open_terminal():
        pass


@contextmanager
def _open_terminal() -> Iterator[int]:
    try:
        descriptor = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise ToolError(f"--confirm needs a terminal, and there is none: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wrap(text: str, width: int) -> Iterator[str]:
    """Yield lines of at most `width` cells behind the margin; if the terminal wrapped them, some had no margin."""
    line, used = "", 0
    for character in text:
        cells = count_cells(character)
        if line and used + cells > width:
            yield _MARGIN + line
            line, used = "", 0
        line, used = line + character, used + cells
    yield _MARGIN + line


def _read_line(descriptor: int, end: float) -> bytes | None:
    """Read one line; empty at the end of input, None if the monotonic time `end` has passed."""
    read = b""
    while b"\n" not in read and len(read) < _MAX_LINE:
        left = end - time.monotonic()
        if left <= 0 or not wait_until_ready(descriptor, select.POLLIN, left):
            return None
        piece = os.read(descriptor, _MAX_LINE)
        if not piece:
            # End of input (^D) cancels the keys before it.
            return b""
        read += piece
    return read
