"""One run at a time on one file: flock, and who holds it if the kernel says so beyond doubt."""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from mmpipe.errors import Busy, OutputError

_SHORTEST_PAUSE: Final = 0.01  # seconds
_LONGEST_PAUSE: Final = 0.05


def lock(descriptor: int, path: str, pauses: Iterable[None] = ()) -> bool:
    """Lock the open file, with a new try after each of `pauses`; False if `path` has become another file meanwhile.

    Raises Busy if another process holds it to the end, OutputError where the file system has no locks.
    """
    for _ in chain([None], pauses):
        if _is_taken(descriptor, path, fcntl.LOCK_EX):
            return is_still(descriptor, path)
    raise _busy(descriptor, path)


def lock_to_read(descriptor: int, path: str) -> None:
    """Keep runs out while the file is read; others may read too. Raises the same."""
    if not _is_taken(descriptor, path, fcntl.LOCK_SH):
        raise _busy(descriptor, path)


def short_pauses(patience: float, look: Callable[[], None], waiting: Callable[[], None]) -> Iterator[None]:
    """Short pauses, for `patience` seconds in all from the first one on.

    `waiting` is called once, before the first; `look` before each, for whatever may end the wait by an exception.
    """
    end = time.monotonic() + patience
    if patience > 0:
        waiting()
    pause = _SHORTEST_PAUSE
    while (left := end - time.monotonic()) > 0:
        look()
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        yield


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


def is_still(descriptor: int, path: str) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except OSError:
        # Gone, or out of reach; opening it anew will say which.
        return False


def _is_taken(descriptor: int, path: str, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise OutputError(f"cannot lock {path}: {error.strerror}") from error
    return True


def _busy(descriptor: int, path: str) -> Busy:
    pid = holder(os.fstat(descriptor))
    who = "another run" if pid is None else f"another run (process {pid})"
    return Busy(f"{who} has locked {path}", retryable=True)


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
