"""Reads standard input to its end: with a notice after a while, a limit on time, and ends that are none."""

import errno
import os
import select
import time
from collections.abc import Callable
from typing import Final

from mmpipe.errors import InputError
from mmpipe.unix.signals import MAX_WAIT
from mmpipe.unix.streams import STDIN_NAME, Input
from mmpipe.unix.waiting import wait_until_ready

_NOTICE_AFTER: Final = 2.0  # seconds


def read_standard_input(
    stdin: Input, limit: int, timeout: float | None = None, notify: Callable[[], None] | None = None
) -> bytes:
    """Return all bytes, or somewhat more than `limit` of them; raises InputError after `timeout` seconds (None: never).

    `notify` is called if nothing has arrived after two seconds, since a forgotten pipe looks like a hang.
    """
    now = time.monotonic()
    end = float("inf") if timeout is None else now + timeout
    notice = float("inf") if notify is None else now + _NOTICE_AFTER
    content = bytearray()
    while len(content) <= limit:
        now = time.monotonic()
        if now >= end:
            raise InputError(f"standard input did not end within {timeout:g} s (--stdin-timeout)")
        if now >= notice and notify is not None:
            notify()
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
