"""Asks the user whether a tool may run: on the terminal itself, whatever standard input and output are."""

import os
import select
import shlex
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unicodedata import east_asian_width

from mmpipe.errors import OutputError, ToolError
from mmpipe.text.visible import visible
from mmpipe.unix.streams import Output

_TERMINAL = "/dev/tty"
_YES = (b"y", b"yes")
_SHOWN = 4096  # characters; what is longer nobody reads
_LONGEST_LINE = 1024  # bytes
_COLUMNS = 80  # where the terminal does not know
_MARGIN = "  | "  # text of the model cannot pass for a line of ours


def confirmed(name: str, argv: Sequence[str], arguments: str, seconds: float) -> bool:
    """Whether the user says yes to the command with these arguments within `seconds`; anything else is a no.

    What was typed before the question is no answer to it. Raises ToolError where there is no terminal to ask on.
    """
    with _terminal() as descriptor:
        try:
            termios.tcflush(descriptor, termios.TCIFLUSH)
            Output(descriptor, _TERMINAL).write(
                question(name, argv, arguments, _columns(descriptor)).encode()
            )
            answer = _line(descriptor, time.monotonic() + seconds)
            if answer is None:
                # Half an answer is not to reach the shell, nor to come before the next one.
                termios.tcflush(descriptor, termios.TCIFLUSH)
                Output(descriptor, _TERMINAL).write(b"\nmmpipe: no answer in time, which is a no\n")
        except (OSError, OutputError, termios.error):
            # The terminal hung up, or is another job's.
            return False
    return answer is not None and answer.strip().lower() in _YES


def question(name: str, argv: Sequence[str], arguments: str, columns: int) -> str:
    """What the user is to judge, in lines of our own making, with nothing in it that is not seen."""
    command = f"{_plain(name)}: {_plain(shlex.join(argv))}"
    rest = len(arguments) - _SHOWN
    lines = [f"mmpipe: the model asks to run {command}", "with these arguments:"]
    lines += _wrapped(_plain(arguments[:_SHOWN]), columns - len(_MARGIN))
    lines += [f"and {rest} more characters, WHICH ARE NOT SHOWN"] if rest > 0 else []
    return "\n".join([*lines, "run it? [y/N] "])


def check_terminal() -> None:
    """Raise ToolError where there is none to ask on, before anything is paid."""
    with _terminal():
        pass


@contextmanager
def _terminal() -> Iterator[int]:
    try:
        descriptor = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise ToolError(
            f"--confirm needs a terminal to ask on, and there is none: {error.strerror}"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _columns(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns or _COLUMNS
    except OSError:
        return _COLUMNS


def _plain(text: str) -> str:
    """Every character that has no shape of its own by a name or a picture, line ends too."""
    pictured = visible(text).replace("\n", "\u240a").replace("\t", "\u2409")
    return "".join(
        character if character.isprintable() else f"<U+{ord(character):04X}>" for character in pictured
    )


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Broken by us and not by the terminal, so that no line begins without its margin."""
    line, used = "", 0
    for character in text:
        cells = 2 if east_asian_width(character) in "WF" else 1
        if line and used + cells > width:
            yield _MARGIN + line
            line, used = "", 0
        line, used = line + character, used + cells
    yield _MARGIN + line


def _line(descriptor: int, end: float) -> bytes | None:
    """One line, or what comes before the end of input; None when the time is over."""
    read = b""
    while b"\n" not in read and len(read) < _LONGEST_LINE:
        left = end - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        piece = os.read(descriptor, _LONGEST_LINE)
        if not piece:
            # The end of input takes back what came before it.
            return b""
        read += piece
    return read
