"""Locked append: a file is opened and locked under its present name, then only appended to; a failed write is rolled back."""

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmpipe.errors import OutputError
from mmpipe.unix.folders import sync_folder_of
from mmpipe.unix.locks import is_same_file, lock
from mmpipe.unix.streams import Output

_REOPENINGS: Final = 1000
# Neither a terminal nor a pipe without a reader may block, nor a terminal become that of this process.
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


@dataclass(slots=True, eq=False)
class LockedFile:
    """A file that no other run writes to; `size` holds unless somebody writes without the lock.

    A new file may be missing from its folder after a power cut, until that is synced.
    """

    output: Output
    size: int
    is_new: bool = False

    @property
    def path(self) -> str:
        """The name that the file was opened by."""
        return self.output.name

    @property
    def descriptor(self) -> int:
        """The open file."""
        return self.output.descriptor

    def check_untouched(self, *, if_gone: str, if_changed: str) -> None:
        """Raise OutputError if the file has lost its name or its size: editors, for example, take no lock.

        The hint of the error is `if_gone` or `if_changed`, the consequence for the user.
        """
        if not is_same_file(self.descriptor, self.path):
            raise OutputError(f"{self.path} was removed or replaced meanwhile", hint=if_gone)
        if os.fstat(self.descriptor).st_size != self.size:
            raise OutputError(f"{self.path} was written to by another process meanwhile", hint=if_changed)

    def append_lines(self, lines: bytes) -> None:
        """Append complete lines in one write, not yet synced.

        Raises OutputError; the file then ends with the last line that was written completely.
        """
        before = self.output.written
        try:
            self.output.write(lines)
        except OutputError:
            self._cut_torn_line(lines[: self.output.written - before])
            raise
        self.size += len(lines)

    def append_durably(self, data: bytes) -> None:
        """Append all of `data` in one write, and sync it.

        Raises OutputError, or what a signal raised; the file then ends as before.
        """
        try:
            self.output.write(data)
            self.sync()
            if self.is_new:
                sync_folder_of(self.path)
        except BaseException as error:
            # If this fails as well, the next run does it.
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
            if isinstance(error, OSError):
                raise OutputError.from_os(self.path, error) from error
            raise
        self.size += len(data)
        self.is_new = False

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes; raises OutputError."""
        # First, so that a signal cannot leave the old size behind.
        self.size = size
        try:
            os.ftruncate(self.descriptor, size)
        except OSError as error:
            raise OutputError.from_os(self.path, error) from error

    def sync(self) -> None:
        """Return once all bytes are on the disk; raises OutputError."""
        try:
            # macOS has only the other.
            (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self.descriptor)
        except OSError as error:
            raise OutputError.from_os(self.path, error) from error

    def remove_if_empty(self) -> bool:
        """Remove the file if it is empty and still has its name; False if it stays, perhaps for want of rights."""
        with suppress(OSError):
            status = os.fstat(self.descriptor)
            # A device has no size either, and root could remove it.
            if (
                stat.S_ISREG(status.st_mode)
                and status.st_size == 0
                and is_same_file(self.descriptor, self.path)
            ):
                # The target of a symbolic link, which stays.
                Path(self.path).resolve().unlink()
                return True
        return False

    def _cut_torn_line(self, written: bytes) -> None:
        torn = len(written) - written.rfind(b"\n") - 1
        if not torn:
            # If nothing was written, the position is still 0, and to truncate there would empty the file.
            return
        # If this fails as well, the next run does it.
        with suppress(OSError):
            os.ftruncate(self.descriptor, os.lseek(self.descriptor, 0, os.SEEK_CUR) - torn)


def open_locked(
    path: str, mode: int, check: Callable[[int], None], pauses: Iterable[None] = ()
) -> LockedFile:
    """Open and lock the file that `path` names now, created with `mode` if missing; close it after use.

    `check` gets the descriptor before the lock is taken. After each of `pauses` a lock that another process holds is
    tried again. Raises OSError if the file cannot be opened, Busy, OutputError, and what `check` raises.
    """
    for _ in range(_REOPENINGS):
        descriptor, is_new = _open(path, mode)
        try:
            check(descriptor)
            if lock(descriptor, path, pauses):
                return LockedFile(Output(descriptor, path), os.fstat(descriptor).st_size, is_new)
        except BaseException:
            os.close(descriptor)
            raise
        # Renamed, or removed again by the process that created it.
        os.close(descriptor)
    raise OutputError(f"{path} is replaced by another file again and again")


def _open(path: str, mode: int) -> tuple[int, bool]:
    """A descriptor, and True if the file is new."""
    try:
        return os.open(path, _FLAGS), False
    except FileNotFoundError:
        return os.open(path, _FLAGS | os.O_CREAT, mode), True
