"""Opens the files that the user names for output: all or nothing for answers, one appended line for records."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import combinations

from mmpipe.errors import OutputError, UsageError
from mmpipe.unix.replacement import replacement
from mmpipe.unix.streams import Output, Streams

_DESCRIPTOR = re.compile(r"/dev/(?:fd/([0-9]{1,9})|stdin|stdout|stderr)")  # a larger number is none
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def check_apart(streams: Streams, *written: str | None) -> None:
    """Raise UsageError if two outputs go to one file, where one of them would be lost; `-` is standard output."""
    for one, other in combinations(_places(written, streams.stdout.descriptor), 2):
        # Descriptors may be one open file, in which each goes on where the other ended.
        if one.file == other.file and not (one.is_descriptor and other.is_descriptor):
            raise UsageError("two outputs go to the same file")


def check_unread(streams: Streams, written: Iterable[str | None], read: Iterable[str | None]) -> None:
    """Raise UsageError if one of `written` is also read, as it is or would be the next time; `-` as one may expect."""
    inputs = {place.file for place in _places(read, streams.stdin.descriptor)}
    for place in _places(written, streams.stdout.descriptor):
        if place.file in inputs:
            name = streams.stdout.name if place.path == "-" else place.path
            raise UsageError(f"{name} is both input and output")


@contextmanager
def opened(path: str, *, append: bool = False) -> Iterator[Output]:
    """`path` to be written from its beginning, or at its end; `/dev/fd/3` is the open descriptor 3 itself.

    Raises OutputError.
    """
    try:
        descriptor = _open(path, append=append)
    except OSError as error:
        raise OutputError.from_os(path, error) from error
    try:
        is_main = path in ("/dev/stdout", "/dev/fd/1")
        yield Output(descriptor, path, is_terminal=os.isatty(descriptor), is_main=is_main)
    finally:
        os.close(descriptor)


@contextmanager
def replaced(path: str) -> Iterator[Output]:
    """A file that takes the place of `path` when the context ends well, and leaves it as it was otherwise.

    The data is on the disk before the name is (README, "What you can rely on"). What is no regular file, such as a pipe or
    /dev/stdout, cannot be replaced and is written as it is. Raises OutputError.
    """
    try:
        # Fails where the working directory is gone.
        target = os.path.realpath(path)
        found = _stat(path)
        if found is None and os.path.basename(path) in ("", ".", ".."):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise OutputError.from_os(path, error) from error
    if _DESCRIPTOR.fullmatch(path) or (found is not None and not stat.S_ISREG(found.st_mode)):
        with opened(path) as output:
            yield output
        return
    try:
        with replacement(target, 0o666 if found is None else 0o600) as descriptor:
            if found is not None:
                _make_alike(descriptor, found)
            yield Output(descriptor, path)
    except OSError as error:
        raise OutputError.from_os(path, error) from error


@dataclass(frozen=True, slots=True)
class _Place:
    """Something to be opened; `file` is the same for all names of one file."""

    path: str
    file: tuple[int, int] | str
    is_descriptor: bool


def _places(paths: Iterable[str | None], hyphen: int) -> Iterator[_Place]:
    """Those that are regular files, or would be made; the others may be read and written by many at once.

    `hyphen` is the descriptor that `-` stands for.
    """
    for path in paths:
        if path is None:
            continue
        # What cannot be reached (perhaps there is no working directory) is told by whoever opens it.
        with suppress(OSError):
            try:
                status = os.fstat(hyphen) if path == "-" else os.stat(path)
            except FileNotFoundError:
                yield _Place(path, os.path.realpath(path), is_descriptor=False)
                continue
            if stat.S_ISREG(status.st_mode):
                is_descriptor = path == "-" or _DESCRIPTOR.fullmatch(path) is not None
                yield _Place(path, (status.st_dev, status.st_ino), is_descriptor)


def _make_alike(descriptor: int, found: os.stat_result) -> None:
    """Whose the file that was found is, and who may use it, as far as that is ours to say; nobody gets rights by it."""
    mode = found.st_mode & 0o777
    try:
        os.fchown(descriptor, -1, found.st_gid)
    except OSError:
        # Another group may do what all may.
        mode &= 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)
    with suppress(OSError):
        # Last, since what is no longer ours cannot be changed.
        os.fchown(descriptor, found.st_uid, -1)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _open(path: str, *, append: bool) -> int:
    found = _DESCRIPTOR.fullmatch(path)
    if found is not None:
        # Opening the name anew fails for a socket, and starts a file over.
        return os.dup(int(found[1]) if found[1] else _STANDARD[path])
    how = os.O_APPEND if append else os.O_TRUNC
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o666)
