"""Takes the set-user-ID and set-group-ID bits from files that a sandboxed tool made: outside they would give its user's rights away."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mmpipe.errors import ToolError
from mmpipe.text.visible import one_line

_SET_ID = stat.S_ISUID | stat.S_ISGID
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENTRY = stat.S_IRUSR | stat.S_IXUSR
_MAX_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class _SetIdFile:
    """File with such a bit: its name in the open folder `descriptor`, and its path for messages."""

    descriptor: int
    name: str
    path: str
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int, int]:
        """Numbers that change with every change of the mode, even if a new file gets an old inode."""
        return self.status.st_dev, self.status.st_ino, self.status.st_ctime_ns


@dataclass(frozen=True, slots=True)
class SetIdGuard:
    """Watch over the writable folder of tools; `known` files had their bits before the first tool ran."""

    folder: str
    known: frozenset[tuple[int, int, int]]

    @classmethod
    def survey(cls, folder: str) -> "SetIdGuard":
        """Return the watch over a folder that no tool has written to yet. Raises ToolError if it cannot be read."""
        try:
            return cls(folder, frozenset(found.identity for found in _walk(folder)))
        except OSError as error:
            raise ToolError(
                f"cannot look into --tool-dir {one_line(folder, 60)}: {error.strerror}"
            ) from error

    def strip_new(self) -> str | None:
        """Strip the bits of new files of ours; returns a sentence about them, None if there are none.

        To be called while no tool runs.
        """
        paths = []
        try:
            for found in _walk(self.folder):
                if found.identity not in self.known and found.status.st_uid == os.geteuid():
                    _strip(found)
                    paths.append(one_line(found.path, 100))
        except OSError as error:
            return f"cannot look for set-ID files in {one_line(self.folder, 100)}: {error.strerror}"
        if not paths:
            return None
        more = f" and {len(paths) - _MAX_EXAMPLES} more" if len(paths) > _MAX_EXAMPLES else ""
        return f"a tool made set-ID files; the bits are removed: {', '.join(paths[:_MAX_EXAMPLES])}{more}"


def _strip(found: _SetIdFile) -> None:
    with suppress(FileNotFoundError):
        # The file need not be readable.
        descriptor = os.open(found.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=found.descriptor)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISREG(mode):
                Path(f"/proc/self/fd/{descriptor}").chmod(stat.S_IMODE(mode) & ~_SET_ID)
        finally:
            os.close(descriptor)


class _Position:
    """Open folder of a walk, with its path; follows no link, and needs no more descriptors however deep it goes."""

    def __init__(self, folder: str) -> None:
        _permit_entry(folder)
        self.descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.path = [folder]

    def enter(self, name: str) -> bool:
        """Move into a folder below; returns False if it is gone, or is out of reach for us and so for our tools."""
        try:
            _permit_entry(name, self.descriptor)
            self._move(name)
        except OSError:
            return False
        self.path.append(name)
        return True

    def leave(self) -> None:
        """Move into the folder above."""
        self._move("..")
        self.path.pop()

    def _move(self, name: str) -> None:
        below = os.open(name, _FOLDER, dir_fd=self.descriptor)
        os.close(self.descriptor)
        self.descriptor = below


def _permit_entry(name: str, folder: int | None = None) -> None:
    """Let us into a folder of ours that a tool has closed, while others may know a name in it."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=folder is None)
    if status.st_uid == os.geteuid() and status.st_mode & _ENTRY != _ENTRY:
        os.chmod(name, stat.S_IMODE(status.st_mode) | _ENTRY, dir_fd=folder)


def _walk(folder: str) -> Iterator[_SetIdFile]:
    """Yield the files with such a bit below `folder`; nothing may change it meanwhile."""
    position = _Position(folder)
    pending: list[list[str]] = []  # names of folders to be entered, by depth
    try:
        while True:
            below: list[str] = []
            yield from _scan(position, below)
            pending.append(below)
            while not (pending[-1] and position.enter(pending[-1].pop())):
                if not pending[-1]:
                    pending.pop()
                    if not pending:
                        return
                    position.leave()
    finally:
        os.close(position.descriptor)


def _scan(position: _Position, below: list[str]) -> Iterator[_SetIdFile]:
    """Yield the files in one folder, and add the names of its folders to `below`."""
    with os.scandir(position.descriptor) as entries:
        for entry in entries:
            # A name that is gone again needs no look.
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    below.append(entry.name)
                elif stat.S_ISREG(status.st_mode) and status.st_mode & _SET_ID:
                    path = "/".join([*position.path, entry.name])
                    yield _SetIdFile(position.descriptor, entry.name, path, status)
