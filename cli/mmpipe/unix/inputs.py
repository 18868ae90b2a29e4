"""Reads text from files, standard input and arguments, as bytes that must be UTF-8 in every locale."""

import errno
import os
import select
import time
from collections.abc import Callable

from mmpipe.errors import InputError
from mmpipe.unix.signals import AT_A_TIME
from mmpipe.unix.streams import Input

MAX_PROMPT = 64 * 2**20  # bytes; the service takes no larger request (FACTS.md, "Limits and prices")
_NOTICE_AFTER = 2.0  # seconds
_BOM = b"\xef\xbb\xbf"


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
