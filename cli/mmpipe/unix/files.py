"""Opens the files that the user names for output: replaced at the end, or written directly."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import combinations

from mmpipe.dataclass import dataclass
from mmpipe.errors import OutputError, UsageError
from mmpipe.unix.access_rights import copy_access
from mmpipe.unix.identity import Identity
from mmpipe.unix.replacement import check_replaceable, open_replacement
from mmpipe.unix.streams import Output, Streams, close_at_end

_DESCRIPTOR = re.compile(r"/dev/(?:fd/([0-9]{1,9})|stdin|stdout|stderr)")  # no descriptor has a larger number
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def reject_shared_outputs(streams: Streams, *written: str | None) -> None:
    """Raise UsageError if two outputs go to one file, where one would be lost; `-` is standard output."""
    for one, other in combinations(_find_places(written, streams.stdout.descriptor), 2):
        # Two descriptors may share one open file and its position: then nothing is lost.
        if one.file == other.file and not (one.is_descriptor and other.is_descriptor):
            raise UsageError("two outputs go to the same file")


def reject_input_as_output(
    streams: Streams, written: Iterable[str | None], read: Iterable[str | None]
) -> None:
    """Raise UsageError if a file is in both `written` and `read`; `-` is standard output in one, standard input in the other."""
    inputs = {place.file for place in _find_places(read, streams.stdin.descriptor)}
    for place in _find_places(written, streams.stdout.descriptor):
        if place.file in inputs:
            name = streams.stdout.name if place.path == "-" else place.path
            raise UsageError(f"{name} is both input and output")


@contextmanager
def open_output(path: str, *, append: bool = False) -> Iterator[Output]:
    """Open `path` to write from its beginning, or to append; `/dev/fd/3` is the open descriptor 3 itself.

    Raises OutputError.
    """
    try:
        descriptor = _open(path, append=append)
    except OSError as error:
        raise OutputError.from_os(path, error) from error
    is_main = path in ("/dev/stdout", "/dev/fd/1")
    with close_at_end(Output(descriptor, path, is_terminal=os.isatty(descriptor), is_main=is_main)) as output:
        yield output


@contextmanager
def replace_output(path: str) -> Iterator[Output]:
    """Open a new file that replaces `path` when the context succeeds; after an error `path` stays as it was.

    The data is on the disk before the name is (README, "What you can rely on"). A pipe, a device or /dev/stdout cannot
    be replaced and is written directly. Raises OutputError, first of all for a file whose name cannot be taken.
    """
    try:
        # Fails if the working directory is gone.
        target = os.path.realpath(path)
        found = _stat(path)
        if found is None and os.path.basename(path) in ("", ".", ".."):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise OutputError.from_os(path, error) from error
    if _DESCRIPTOR.fullmatch(path) or (found is not None and not stat.S_ISREG(found.st_mode)):
        with open_output(path) as output:
            yield output
        return
    if found is not None:
        check_replaceable(path)
    try:
        with open_replacement(target, 0o666 if found is None else 0o600) as descriptor:
            if found is not None:
                copy_access(descriptor, target, found)
            yield Output(descriptor, path)
    except OSError as error:
        raise OutputError.from_os(path, error) from error


@dataclass(frozen=True, slots=True)
class _Place:
    """Path and the identity of its file, which is the same for all names of one file."""

    path: str
    file: Identity | str
    is_descriptor: bool


def _find_places(paths: Iterable[str | None], hyphen: int) -> Iterator[_Place]:
    """Yield the paths of regular and of new files; several may read and write all other files at once.

    `hyphen` is the descriptor of `-`.
    """
    for path in paths:
        if path is None:
            continue
        # Opening the file reports any error, such as a missing working directory.
        with suppress(OSError):
            try:
                status = os.fstat(hyphen) if path == "-" else os.stat(path)
            except FileNotFoundError:
                yield _Place(path, os.path.realpath(path), is_descriptor=False)
                continue
            if stat.S_ISREG(status.st_mode):
                is_descriptor = path == "-" or _DESCRIPTOR.fullmatch(path) is not None
                yield _Place(path, Identity.of(status), is_descriptor)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _open(path: str, *, append: bool) -> int:
    named = _DESCRIPTOR.fullmatch(path)
    if named is not None:
        # Opening the name fails for a socket, and would truncate a file.
        return os.dup(int(named[1]) if named[1] else _STANDARD[path])
    mode = os.O_APPEND if append else os.O_TRUNC
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | mode, 0o666)
