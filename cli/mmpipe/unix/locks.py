"""Locks files, so that one run at a time writes to each; finds the process that holds a lock."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from mmpipe.errors import Busy, OutputError

_MIN_PAUSE: Final = 0.01  # seconds
_MAX_PAUSE: Final = 0.05  # seconds
# Network and user-space file systems, as they are mounted.
_WITHOUT_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


def lock(descriptor: int, path: str, pauses: Iterable[None] = ()) -> bool:
    """Lock the open file, trying again after each of `pauses`; returns False if `path` is another file now.

    Raises Busy if another process still holds the lock, OutputError if the file system has no locks.
    """
    for _ in chain([None], pauses):
        if _try_lock(descriptor, path, fcntl.LOCK_EX):
            return is_same_file(descriptor, path)
    raise _busy_error(descriptor, path, is_shared=_is_lock_shared(descriptor, path))


def lock_to_read(descriptor: int, path: str) -> None:
    """Lock the file against writers; other readers are permitted. Raises Busy and OutputError."""
    if not _try_lock(descriptor, path, fcntl.LOCK_SH):
        raise _busy_error(descriptor, path, is_shared=False)


def pause_until_timeout(
    timeout: float, check: Callable[[], None], on_wait: Callable[[], None]
) -> Iterator[None]:
    """Sleep shortly and yield, again and again, for `timeout` seconds in all.

    `on_wait` is called once before the first pause, `check` before each; its exceptions end the wait.
    """
    end = time.monotonic() + timeout
    if timeout > 0:
        on_wait()
    pause = _MIN_PAUSE
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _MAX_PAUSE)
        yield


def find_lock_holder(file: os.stat_result) -> int | None:
    """Return the number of the process that holds the lock on `file`, or None if it is not certain.

    The kernel names the process that took the lock. It may have ended while its child keeps the lock, and its number may
    belong to another process. So the process must also have the file open with the lock on it.
    """
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            pid = _parse_owner(line, name)
            if pid is not None and _holds_lock(pid, name):
                return pid
    return None


def explain_lock_error(path: str, error: OSError) -> OutputError:
    """Return the error for a file that cannot be locked at all."""
    if error.errno in _WITHOUT_LOCKS:
        return OutputError(
            f"cannot lock {path}: its file system has no locks",
            hint="keep the file on a local disk, and copy it when the run has ended",
        )
    return OutputError(f"cannot lock {path}: {error.strerror}")


def is_same_file(descriptor: int, path: str) -> bool:
    """Return True if `path` still names the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except OSError:
        # Gone or out of reach; opening it again reports the reason.
        return False


def _try_lock(descriptor: int, path: str, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise explain_lock_error(path, error) from error
    return True


def _is_lock_shared(descriptor: int, path: str) -> bool:
    """Return True if only readers hold the lock that was refused: then a shared lock is granted, and given back here."""
    is_shared = _try_lock(descriptor, path, fcntl.LOCK_SH)
    if is_shared:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return is_shared


def _busy_error(descriptor: int, path: str, *, is_shared: bool) -> Busy:
    pid = find_lock_holder(os.fstat(descriptor))
    number = "" if pid is None else f" (process {pid})"
    if is_shared:
        # Not one of our runs that write, but perhaps a merge.
        message = f"another process{number} holds a shared lock on {path} while it reads, as `flock -s` does"
        return Busy(message, hint="try again after it", retryable=True)
    return Busy(f"another run{number} has locked {path}", retryable=True)


def _parse_owner(line: str, name: str) -> int | None:
    """Return 4711 of `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`; waiting processes have `->` before FLOCK."""
    match line.split()[1:]:
        case ["FLOCK", _, "WRITE" | "READ", pid, file, *_] if file == name and pid.isdecimal():
            return int(pid)
    return None


def _holds_lock(pid: int, name: str) -> bool:
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(OSError):
            for line in entry.read_text().splitlines():
                if line.startswith("lock:") and _parse_owner(line.removeprefix("lock:"), name) == pid:
                    return True
    return False
