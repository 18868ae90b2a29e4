"""Reads API keys from where they are kept, and shows none of them."""

import os
import re
import select
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmpipe.core.endpoint import Key
from mmpipe.errors import AuthError, TimedOut
from mmpipe.text.visible import one_line
from mmpipe.unix.signals import MAX_WAIT, delay_signals

_LONGEST_KEY = 16 * 1024  # bytes
_PATIENCE = 60.0  # seconds; the command may ask its user for a password


def checked(value: str, source: str) -> Key:
    """The key that a line holds; raises AuthError for what can be none, without showing it."""
    # Some editors begin a file with a BOM.
    value = value.removeprefix("\ufeff").strip()
    if not value:
        raise AuthError(f"the API key is empty ({source})")
    if len(value) > _LONGEST_KEY:
        raise AuthError(f"the API key is longer than {_LONGEST_KEY} characters ({source})")
    if value[0] in "\"'`":
        raise AuthError(f"the API key stands in quotes, which are not part of it; take them off ({source})")
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise AuthError(
            f"the API key holds characters that no key has, such as a space or a line end ({source})"
        )
    return Key(value, source)


def read_key_file(path: str, source: str) -> str:
    """The content of a key file; raises AuthError.

    It repeats the path, found in `source`, only if that is no mere word: by mistake people type the key itself there.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(_LONGEST_KEY + 1).decode()
    except UnicodeDecodeError as error:
        raise AuthError(f"the key file is not text ({source})") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no path"
        shown = f" {path}" if "/" in path else ""
        raise AuthError(f"cannot read the key file{shown}: {reason} ({source})") from error


def run_key_command(command: object, environment: Mapping[str, str], limit: float) -> str:
    """The first line that the command of the configuration file prints, within `limit` seconds.

    It may ask its user on the terminal. It is given no other key. Raises AuthError, TimedOut.
    """
    words = [str(word) for word in command] if isinstance(command, list) else _split(str(command))
    clean = {name: value for name, value in environment.items() if not name.endswith("_API_KEY")}
    end = time.monotonic() + min(limit, _PATIENCE)
    with _started(words, clean) as child:
        printed = _read(child, end)
        try:
            status = child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Which tells the whole command, and that may hold a key.
            raise _too_slow() from None
    if status != 0:
        raise AuthError(f"api_key_command ended with status {status}")
    return os.fsdecode(printed.strip().split(b"\n")[0])


@contextmanager
def _started(words: Sequence[str], environment: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """The command, which does not outlive the context."""
    with delay_signals() as let_through:
        try:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment)
        except (OSError, ValueError) as error:
            raise AuthError(f"cannot run api_key_command: {getattr(error, 'strerror', error)}") from error
        with child:
            try:
                let_through()
                yield child
            except BaseException:
                child.kill()
                raise


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise AuthError(f"api_key_command is no command: {one_line(str(error))}") from error
    if not words:
        raise AuthError("api_key_command is empty")
    return words


def _read(child: "subprocess.Popen[bytes]", end: float) -> bytes:
    assert child.stdout is not None  # noqa: S101  asked for as a pipe
    printed = b""
    while True:
        if time.monotonic() >= end:
            raise _too_slow()
        if not select.select([child.stdout], [], [], MAX_WAIT)[0]:
            continue
        piece = os.read(child.stdout.fileno(), _LONGEST_KEY)
        printed += piece
        if len(printed) > _LONGEST_KEY:
            raise AuthError(f"api_key_command prints more than {_LONGEST_KEY} bytes")
        if not piece:
            return printed


def _too_slow() -> TimedOut:
    return TimedOut("api_key_command took too long")
