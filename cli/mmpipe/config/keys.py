"""Reads API keys from files and commands, and shows none of them."""

import os
import re
import select
import shlex
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mmpipe.config.sources import Sourced
from mmpipe.core.endpoint import Key
from mmpipe.errors import AuthError, TimedOut
from mmpipe.text.encodings import decode_text
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import Inputs, NamedInput
from mmpipe.unix.signals import MAX_WAIT, delay_signals
from mmpipe.unix.waiting import wait_until_ready

MINIMAX_KEY, OPENAI_KEY = KEY_VARIABLES = ("MINIMAX_API_KEY", "OPENAI_API_KEY")
_MAX_KEY = 16 * 1024  # bytes
# Services give keys of this form, and names of files are shorter or have an ending of a few letters.
_LIKE_KEY = re.compile(r"(?i)sk[-_]|[\w+=-]{16,}(?:$|\.[\w+=-]{8,})")
# Forms of a file or variable that holds more than the key, and words for what is there.
_FORMS: Final = (
    (re.compile(r"\A[{\[]"), "is inside JSON"),
    (re.compile(r"\A#"), "is below a comment, or is one"),
    (re.compile(r"(?i)\A(?:authorization\s*:|bearer\s)"), "is written as a header of HTTP"),
    (re.compile(r"(?im)^(?:export|setenv|set)\s"), "is written as an assignment"),
    # A key may look alike, such as one in base64 with `=` at its end; but keys are longer than names, or begin with sk- or eyJ.
    (
        re.compile(
            r"(?im)^[ \t]*+\$?(?:env:)?(?!sk-|eyJ)[\w.-]{1,48}+(?:(?<=key)|(?<=token)|(?<=secret))[ \t]*+[=:]"
        ),
        "is written as an assignment",
    ),
)
_COMMAND_TIMEOUT = 60.0  # seconds; the command may ask the user for a password


def parse_key(value: str, source: str) -> Key:
    """Return the key in a line. Raises AuthError for an invalid key, without showing it."""
    # Some editors begin a file with a byte order mark.
    value = value.removeprefix("\ufeff").strip()
    if not value:
        raise AuthError(f"the API key is empty ({source})")
    if len(value) > _MAX_KEY:
        raise AuthError(f"the API key is longer than {_MAX_KEY} characters ({source})")
    for form, words in _FORMS:
        if form.search(value):
            raise AuthError(f"the API key {words}: give the key alone, without anything around it ({source})")
    if value[0] in "\"'`":
        raise AuthError(f"the API key is in quotes, which are not part of it: remove them ({source})")
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise AuthError(f"the API key contains invalid characters, such as a space or a line end ({source})")
    return Key(value, source)


def name_key_file(found: Sourced) -> NamedInput:
    """Return the key file of an option or of the configuration, as an input."""
    option = "--api-key-file" if found.is_typed else f"api_key_file in {found.source}"
    return NamedInput(option, os.path.expanduser(str(found.value)), is_secret=True)  # noqa: PTH111  Path raises an error


def read_key_file(named: NamedInput, inputs: Inputs, config: Path | None = None) -> str:
    """Return the content of a key file, which the configuration file `config` names, if that is given.

    Raises AuthError, and InputError for standard input.

    The error names the path only if a folder of it exists: some users type the key itself by mistake, perhaps with a slash.
    """
    path = named.path
    try:
        return decode_text(inputs.read(named, _MAX_KEY))
    except UnicodeDecodeError as error:
        raise AuthError(f"the key file is not text ({named.option})") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        shown = _describe_path(path, None if config is None else config.parent)
        # A path that is not shown may be the key itself.
        hint = "" if shown or config else "it wants the path of a file that holds the key, and not the key"
        raise AuthError(f"cannot read the key file{shown}: {reason} ({named.option})", hint=hint) from error


def find_exposed_file(named: NamedInput, inputs: Inputs) -> str | None:
    """Return the path of a key file of this user that all others can read; None for any other.

    A pipe and a descriptor are no such file, nor is one that chmod cannot change: containers get their secrets read-only.
    """
    path = named.path
    if inputs.resolve(path) == "-" or path.startswith(("/dev/", "/proc/")):
        return None
    try:
        status = os.stat(path)  # noqa: PTH116  Path would collapse names that the user typed
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    except (OSError, ValueError):
        return None
    is_exposed = stat.S_ISREG(status.st_mode) and status.st_mode & stat.S_IROTH
    return path if is_exposed and status.st_uid == os.geteuid() and not is_read_only else None


def _describe_path(path: str, base: Path | None) -> str:
    """Return words for the place of a key file: its path, or only its folder `base`, if the name may be a key itself."""
    if _has_folder(path, base):
        return f" {one_line(path, 200)}"
    if base is None or not path.startswith(f"{base}/"):
        return ""
    name = path.removeprefix(f"{base}/")
    return f" in {base}" if "/" in name or _LIKE_KEY.match(name) else f" {one_line(path, 200)}"


def _has_folder(path: str, base: Path | None) -> bool:
    """True if a folder of the path exists, other than the root, the current one and those that lead to `base`."""
    left_out = {Path("/"), Path()} if base is None else {Path(), base, *base.parents}
    try:
        folders = Path(path).parents
        return any(folder not in left_out and folder.is_dir() for folder in folders)
    except (OSError, ValueError):
        return False


def run_key_command(command: object, environment: Mapping[str, str], limit: float) -> str:
    """Return the first line that the command of the configuration file prints, within `limit` seconds.

    The command may ask the user on the terminal. It gets no other key. Raises AuthError, TimedOut.
    """
    words = _check_words(command) if isinstance(command, list) else _split_words(str(command))
    clean = {name: value for name, value in environment.items() if not name.endswith("_API_KEY")}
    end = time.monotonic() + min(limit, _COMMAND_TIMEOUT)
    with _start(words, clean) as child:
        printed = _read_output(child, end)
        try:
            status = child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            # The original error names the whole command, which may contain a key.
            raise _timeout_error() from None
    if status != 0:
        raise AuthError(f"api_key_command ended with status {status}")
    return os.fsdecode(printed.strip().split(b"\n")[0])


@contextmanager
def _start(words: Sequence[str], environment: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Start the command; it is killed if the context ends with an error."""
    with delay_signals() as deliver:
        try:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment)
        except (OSError, ValueError) as error:
            # Some users write the key itself there.
            program = "" if _LIKE_KEY.match(words[0]) else f" ({one_line(words[0], 60)})"
            raise AuthError(
                f"cannot run api_key_command{program}: {getattr(error, 'strerror', error)}"
            ) from error
        with child:
            try:
                deliver()
                yield child
            except BaseException:
                child.kill()
                raise


def _check_words(command: Sequence[object]) -> list[str]:
    words = [word for word in command if isinstance(word, str)]
    if len(words) < len(command):
        raise AuthError("api_key_command has a word that is not a text")
    if not words or not words[0]:
        raise AuthError("api_key_command is empty")
    return words


def _split_words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise AuthError(f"api_key_command is not a valid command: {one_line(str(error))}") from error
    if not words:
        raise AuthError("api_key_command is empty")
    return words


def _read_output(child: "subprocess.Popen[bytes]", end: float) -> bytes:
    assert child.stdout is not None  # noqa: S101  asked for as a pipe
    printed = b""
    while True:
        if time.monotonic() >= end:
            raise _timeout_error()
        if not wait_until_ready(child.stdout.fileno(), select.POLLIN, MAX_WAIT):
            continue
        piece = os.read(child.stdout.fileno(), _MAX_KEY)
        printed += piece
        if len(printed) > _MAX_KEY:
            raise AuthError(f"api_key_command prints more than {_MAX_KEY} bytes")
        if not piece:
            return printed


def _timeout_error() -> TimedOut:
    return TimedOut("api_key_command took too long")
