"""Inputs that the user names: files, pipes, and standard input under any of its names.

Standard input is one thing, whatever it is called, and is read once, for one purpose. The file of a key is read as a key
and as nothing else. Both are known by device and inode, so that a link, `/dev/stdin` or a second name changes nothing.
"""

import os
import stat
from collections.abc import Callable, Iterable
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, UsageError
from mmpipe.text.encodings import UTF_8, decode_text, describe_no_text, describe_undecodable
from mmpipe.text.sizes import MAX_REQUEST, TooLong, check_length, describe_too_large
from mmpipe.text.utf8 import describe_utf8_error, measure_bom
from mmpipe.text.visible import one_line
from mmpipe.unix.identity import Identity
from mmpipe.unix.standard_input import read_standard_input
from mmpipe.unix.streams import STDIN_NAME, Input

# These are the descriptor itself, whatever it is open on; for a file, opening them would begin at its start.
STDIN_PATHS: Final = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})


@dataclass(frozen=True, slots=True)
class NamedInput:
    """Input that the user names: `option` reads `path`. What a secret one holds goes nowhere else."""

    option: str
    path: str
    is_secret: bool = False

    @classmethod
    def of(cls, option: str, path: str | None) -> "NamedInput | None":
        """Return the input of an option, or None if it was not typed."""
        return None if path is None else cls(option, path)

    def __str__(self) -> str:
        return self.option if self.path == "-" else f"{self.option} {one_line(self.path, 60)}"


# Standard input as a part of the prompt, though nobody named it.
UNNAMED: Final = NamedInput("the prompt", "-")


@dataclass(frozen=True, slots=True)
class StdinRules:
    """Rules of standard input: `never` read it, or wait at most `timeout` seconds for its end."""

    never: bool = False
    timeout: float | None = None


class Inputs:
    """All inputs of one run. `notify` gets a sentence if standard input is awaited for long.

    `taken_by` is the one that is standard input, and `was_empty_pipe` is True after a pipe ended without a byte.
    Raises UsageError for two inputs that are standard input, and for a key file that is also another input: before
    anything is read.
    """

    def __init__(
        self,
        stdin: Input,
        named: Iterable[NamedInput | None] = (),
        rules: StdinRules = StdinRules(),
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.stdin: Final = stdin
        self.taken_by: NamedInput | None = None
        self.was_empty_pipe = False
        self._rules, self._notify = rules, notify
        status = _stat(stdin.descriptor)
        self._identity = None if status is None else _identify(status)
        self._is_pipe = status is not None and stat.S_ISFIFO(status.st_mode)
        self._known = tuple(one for one in named if one is not None)
        self._secrets = [one for one in self._known if one.is_secret]
        for one in self._known:
            self._check(one)

    def resolve(self, path: str) -> str:
        """Return `-` for what is read from the descriptor of standard input, and other paths as they are.

        A file that is standard input too has a beginning of its own, and is opened under its name.
        """
        if path in STDIN_PATHS:
            return "-"
        status = _stat(path)
        if status is None or stat.S_ISREG(status.st_mode) or not self._is_stdin(path):
            return path
        return "-"

    def name(self, path: str) -> str:
        """Return the name of an input in sentences."""
        return STDIN_NAME if self.resolve(path) == "-" else path

    def read_text(self, named: NamedInput, encoding: str = UTF_8, *, expected: bool = False) -> str:
        """Return the text of an input; raises InputError. A wait that is `expected` gives no notice."""
        name, content = self.name(named.path), self.read_bytes(named, expected=expected)
        path = None if name == STDIN_NAME else named.path
        if (complaint := describe_no_text(name, content, encoding, path=path)) is not None:
            raise InputError(complaint)
        try:
            return decode_text(content, encoding)
        except UnicodeDecodeError as error:
            raise InputError(describe_undecodable(name, error)) from error

    def read_bytes(self, named: NamedInput, *, expected: bool = False, if_larger: str = "") -> bytes:
        """Return the bytes of an input; raises InputError, with the hint `if_larger` for more than a request can hold."""
        name = self.name(named.path)
        try:
            return self.read(named, MAX_REQUEST, expected=expected)
        except TooLong as error:
            raise InputError(describe_too_large(name), hint=if_larger) from error
        except OSError as error:
            raise InputError.from_os(name, error) from error
        except ValueError as error:
            raise InputError(f"cannot read {named.path!r}: {error}") from error

    def read(self, named: NamedInput, limit: int, *, expected: bool = False) -> bytes:
        """Return the bytes of an input; raises TooLong for more than `limit`.

        Raises OSError and ValueError for a file, InputError for standard input.
        """
        if named not in self._known:
            self._check(named)
        if self.resolve(named.path) != "-":
            with open(named.path, "rb") as file:  # noqa: PTH123  Path would collapse names that the user typed
                return check_length(file.read(limit + 1), limit)
        notify = self._notify

        def notice() -> None:
            remark = "; -n (--no-stdin) does without it" if named is UNNAMED else f", for {named.option}"
            if notify is not None:
                notify(f"waiting for standard input to end{remark}")

        content = read_standard_input(self.stdin, limit, self._rules.timeout, None if expected else notice)
        self.was_empty_pipe = self._is_pipe and not content
        return check_length(content, limit)

    def require_file(self, named: NamedInput) -> None:
        """Take an input that may be read more than once; raises UsageError for standard input, and for a pipe."""
        status = _stat(named.path)
        is_pipe = status is not None and stat.S_ISFIFO(status.st_mode)
        if is_pipe or self.resolve(named.path) == "-":
            kind = STDIN_NAME if self._is_stdin(named.path) else "a pipe"
            shown = f"{named.option} {one_line(named.path, 60)}"
            raise UsageError(f"{shown}: {kind} can be read only once, and this is read again: name a file")
        self._check(named)

    def _check(self, named: NamedInput) -> None:
        """Note that the input takes standard input, if it does. Raises UsageError."""
        for secret in self._secrets:
            if not named.is_secret and self._is_same(named.path, secret.path):
                raise UsageError(
                    f"{self.name(named.path)} is read as the key ({secret.option}), and never as {named}"
                )
        if not self._is_stdin(named.path):
            return
        if self._rules.never and self.resolve(named.path) == "-":
            raise UsageError(f"{named} reads standard input, which --no-stdin forbids")
        if self.taken_by is not None:
            raise UsageError(f"standard input can be read once only: {self.taken_by} and {named} take it")
        self.taken_by = named

    def _is_stdin(self, path: str) -> bool:
        return path in STDIN_PATHS or (self._identity is not None and self._identify(path) == self._identity)

    def _is_same(self, path: str, other: str) -> bool:
        if {path, other} <= STDIN_PATHS:
            return True
        found = self._identify(path)
        return found is not None and found == self._identify(other)

    def _identify(self, path: str) -> Identity | None:
        if path in STDIN_PATHS:
            return self._identity
        status = _stat(path)
        return None if status is None else _identify(status)


def decode_argument(argument: str, name: str) -> str:
    """Return the text of an argument of the command line, from its exact bytes. Raises InputError."""
    content = os.fsencode(argument)
    skipped = measure_bom(content)
    try:
        return content[skipped:].decode()
    except UnicodeDecodeError as error:
        raise InputError(describe_utf8_error(name, error, skipped)) from error


def _stat(file: str | int) -> os.stat_result | None:
    """Return the status of a path or descriptor; None if there is none, which reading it will report."""
    try:
        return os.stat(file)  # noqa: PTH116  also a descriptor
    except (OSError, ValueError):
        return None


def _identify(status: os.stat_result) -> Identity | None:
    """Return the identity of a file, pipe or socket; None for a device, whose bytes do not run out by being read.

    /dev/null may be named for several inputs, and a terminal is asked anew each time that it is opened.
    """
    return None if stat.S_ISCHR(status.st_mode) else Identity.of(status)
