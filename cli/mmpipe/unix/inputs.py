"""Reads text from files, standard input and arguments; it must be UTF-8 in every locale."""

import errno
import os
import select
import time
from collections.abc import Callable

from mmpipe.errors import InputError
from mmpipe.text.utf8 import describe_utf8_error, measure_bom
from mmpipe.unix.signals import MAX_WAIT
from mmpipe.unix.streams import STDIN_NAME, Input
from mmpipe.unix.waiting import wait_until_ready

MAX_PROMPT = 64 * 2**20  # bytes; the service takes no larger request (FACTS.md, "Limits and prices")
_NOTICE_AFTER = 2.0  # seconds


def read_stdin_text(stdin: Input, timeout: float | None, notify: Callable[[str], None] | None) -> str:
    """Read standard input to its end; arguments as for `_read_stdin`. Raises InputError."""
    return _decode(_read_stdin(stdin, timeout, notify), STDIN_NAME)


def read_text(path: str) -> str:
    """Return the text of a file. Raises InputError."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  Path would collapse names that the user typed
            content = file.read(MAX_PROMPT + 1)
    except OSError as error:
        raise InputError.from_os(path, error) from error
    except ValueError as error:
        raise InputError(f"cannot read {path!r}: {error}") from error
    return _decode(content, path)


def decode_argument(argument: str, name: str) -> str:
    """Return the text of an argument of the command line, from its exact bytes. Raises InputError."""
    return _decode(os.fsencode(argument), name)


def _decode(content: bytes, name: str) -> str:
    if len(content) > MAX_PROMPT:
        raise InputError(f"{name} is longer than {MAX_PROMPT} bytes")
    skipped = measure_bom(content)
    try:
        return content[skipped:].decode()
    except UnicodeDecodeError as error:
        raise InputError(describe_utf8_error(name, error, skipped)) from error


def _read_stdin(stdin: Input, timeout: float | None, notify: Callable[[str], None] | None) -> bytes:
    """Read standard input to its end; raises InputError after `timeout` seconds (None: waits forever).

    `notify` gets one sentence if nothing has arrived after two seconds, since a forgotten pipe looks like a hang.
    """
    now = time.monotonic()
    end = float("inf") if timeout is None else now + timeout
    notice = float("inf") if notify is None else now + _NOTICE_AFTER
    content = bytearray()
    while len(content) <= MAX_PROMPT:
        now = time.monotonic()
        if now >= end:
            raise InputError(f"standard input did not end within {timeout:g} s (--stdin-timeout)")
        if now >= notice and notify is not None:
            notify("waiting for standard input to end; -n (--no-stdin) does without it")
            notice = float("inf")
        wake = min(end, notice, now + MAX_WAIT)
        if _wait(stdin, wake - now):
            notice = float("inf")
            piece = _read(stdin)
            if piece == b"":
                break
            content += piece or b""
    return bytes(content)


def _wait(stdin: Input, seconds: float) -> bool:
    try:
        return wait_until_ready(stdin.descriptor, select.POLLIN, seconds) != 0
    except OSError as error:
        raise InputError.from_os(STDIN_NAME, error) from error


def _read(stdin: Input) -> bytes | None:
    """Return the next bytes; empty at the end, None if another reader was faster."""
    try:
        piece = os.read(stdin.descriptor, 2**20)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO and os.isatty(stdin.descriptor):
            # A background job may not read from its terminal.
            return b""
        raise InputError.from_os(STDIN_NAME, error) from error
    if not piece and stdin.is_terminal and not os.isatty(stdin.descriptor):
        # The end of a lost terminal is not an end that the user typed.
        raise InputError("cannot read standard input: its terminal is gone")
    return piece
