"""Opens journals for reading only."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mmpipe.batch.journal.scan import Entry, entries, find_tail, last_line, lines
from mmpipe.errors import InputError


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A journal to read: complete lines up to `end`, and perhaps a last record without its newline."""

    descriptor: int
    path: str
    end: int
    last: tuple[bytes, Entry] | None
    is_torn: bool
    stamp: tuple[int, int]  # the size and the time of the last write, when the file was opened

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

    def check_unchanged(self) -> None:
        """Raise InputError if somebody has written to the file since it was opened: not all programs take the lock."""
        if _stamp(self.descriptor) != self.stamp:
            raise InputError(f"{self.path} was written to while it was read", hint="do it again")


@contextmanager
def open_to_read(path: str, lock: Callable[[int, str], None] = lambda _, __: None) -> Iterator[JournalFile]:
    """Open the journal and lock it with `lock`. Raises InputError, and what `lock` raises."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError.from_os(path, error) from error
    try:
        lock(descriptor, path)
        stamp = _stamp(descriptor)
        tail = find_tail(descriptor)
        line, whole = last_line(descriptor, tail, path)
        last = None if whole is None else (line, whole)
        yield JournalFile(descriptor, path, tail.start, last, tail.start < tail.size, stamp)
    except OSError as error:
        raise InputError.from_os(path, error) from error
    finally:
        os.close(descriptor)


@contextmanager
def unchanged(sources: Sequence[JournalFile]) -> Iterator[None]:
    """A context in which journals are read several times; raises InputError if one was written to meanwhile."""
    try:
        yield
    except ValueError:
        # The lines of a later reading need not be those of the first.
        for source in sources:
            source.check_unchanged()
        raise
    for source in sources:
        source.check_unchanged()


def _stamp(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns
