"""One run at a time on one file: flock, and who holds it if the kernel says so beyond doubt."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from mmpipe.errors import Busy, OutputError


def lock(descriptor: int, path: str) -> bool:
    """Lock the open file at once; False if `path` has become another file in the meantime.

    Raises Busy if another process holds it, OutputError where the file system has no locks.
    """
    _flock(descriptor, path, fcntl.LOCK_EX)
    return _is_still(descriptor, path)


def lock_to_read(descriptor: int, path: str) -> None:
    """Keep runs out while the file is read; others may read too. Raises the same."""
    _flock(descriptor, path, fcntl.LOCK_SH)


def holder(file: os.stat_result) -> int | None:
    """The process that holds the lock on `file`, or None.

    The kernel names who took a lock, who may be gone with a child holding on, and whose number may be another's by now.
    So the process must also have the file open with the lock on it. A number kept in a file could not be trusted at all.
    """
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            pid = _owner(line, name)
            if pid is not None and _holds(pid, name):
                return pid
    return None


def _flock(descriptor: int, path: str, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = holder(os.fstat(descriptor))
        who = "another run" if pid is None else f"another run (process {pid})"
        raise Busy(f"{who} has locked {path}", retryable=True) from None
    except OSError as error:
        raise OutputError(f"cannot lock {path}: {error.strerror}") from error


def _owner(line: str, name: str) -> int | None:
    """Of `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`, 4711; waiting ones have `->` before FLOCK."""
    match line.split()[1:]:
        case ["FLOCK", _, "WRITE" | "READ", pid, file, *_] if file == name and pid.isdecimal():
            return int(pid)
    return None


def _holds(pid: int, name: str) -> bool:
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(OSError):
            for line in entry.read_text().splitlines():
                if line.startswith("lock:") and _owner(line.removeprefix("lock:"), name) == pid:
                    return True
    return False


def _is_still(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except FileNotFoundError:
        return False
