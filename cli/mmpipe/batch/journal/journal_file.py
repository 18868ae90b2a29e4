"""Opens journals for reading only."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from mmpipe.batch.journal.scan import Entry, entries, find_tail, last_line, lines
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError

# Locks the descriptor of a path.
Lock: TypeAlias = Callable[[int, str], None]
# Device, inode, size, and the time of the last write.
_Stamp: TypeAlias = tuple[int, int, int, int]


def _no_lock(_descriptor: int, _path: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A journal to read: complete lines up to `end`, and perhaps a last record without its newline."""

    descriptor: int
    path: str
    end: int
    last: tuple[bytes, Entry] | None
    is_torn: bool
    stamp: _Stamp  # when the file was opened

    def entries(self) -> Iterator[Entry]:
        """The entries of all records."""
        yield from entries(self.descriptor, self.end, self.path)
        if self.last is not None:
            yield self.last[1]

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The position of each line in the file, and the line."""
        at = 0
        for line in lines(self.descriptor, self.end):
            yield at, line
            at += len(line)
        if self.last is not None:
            yield self.end, self.last[0]


class ReopenedJournal:
    """A journal that is opened and locked anew for each reading, so that thousands of them take one descriptor.

    Raises InputError if it is not the same file as at the first reading, with the same bytes, and what `lock` raises.
    """

    __slots__ = ("_lock", "_stamp", "path")

    def __init__(self, path: str, lock: Lock = _no_lock) -> None:
        self.path = path
        self._lock = lock
        self._stamp: _Stamp | None = None

    @contextmanager
    def open(self) -> Iterator[JournalFile]:
        """Open it to read its records."""
        with open_to_read(self.path, self._lock) as file:
            self._compare(file.stamp)
            yield file
            self._compare(_stamp(os.fstat(file.descriptor)))

    def entries(self) -> Iterator[Entry]:
        """The entries of all records."""
        with self.open() as file:
            yield from file.entries()

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The position of each line in the file, and the line."""
        with self.open() as file:
            yield from file.lines()

    def read(self, places: Iterable[tuple[int, int]]) -> list[bytes]:
        """The bytes at each position, of each length."""
        with _opened(self.path, self._lock) as descriptor:
            self._compare(_stamp(os.fstat(descriptor)))
            return [os.pread(descriptor, length, at) for at, length in places]

    def check_unchanged(self) -> None:
        """Raise InputError if the name is that of another file now, or somebody wrote to it: not all programs take the lock."""
        try:
            self._compare(_stamp(os.stat(self.path)))  # noqa: PTH116  Path would collapse names that the user typed
        except OSError as error:
            raise InputError.from_os(self.path, error) from error

    def _compare(self, stamp: _Stamp) -> None:
        if self._stamp is None:
            self._stamp = stamp
        if self._stamp != stamp:
            raise InputError(f"{self.path} was written to while it was read", hint="do it again")


@contextmanager
def open_to_read(path: str, lock: Lock = _no_lock) -> Iterator[JournalFile]:
    """Open the journal and lock it with `lock`. Raises InputError, and what `lock` raises."""
    with _opened(path, lock) as descriptor:
        stamp = _stamp(os.fstat(descriptor))
        tail = find_tail(descriptor)
        line, whole = last_line(descriptor, tail, path)
        last = None if whole is None else (line, whole)
        yield JournalFile(descriptor, path, tail.start, last, tail.start < tail.size, stamp)


@contextmanager
def unchanged(journals: Sequence[ReopenedJournal]) -> Iterator[None]:
    """A context in which journals are read several times; raises InputError if one was written to meanwhile."""
    try:
        yield
    except ValueError:
        # Bytes that were replaced need not be those of a record.
        for journal in journals:
            journal.check_unchanged()
        raise
    for journal in journals:
        journal.check_unchanged()


@contextmanager
def _opened(path: str, lock: Lock) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError.from_os(path, error) from error
    try:
        lock(descriptor, path)
        yield descriptor
    except OSError as error:
        raise InputError.from_os(path, error) from error
    finally:
        os.close(descriptor)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
