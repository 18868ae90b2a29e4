"""Ends the processes of a session: all that a child has started, which itself leads the session."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_LONGEST: Final = 10.0  # seconds; a process in the middle of a disk operation ends later, by itself
_LOOK: Final = 0.005


def kill_session(leader: int) -> None:
    """Kill all processes of the session but this one; returns when they have ended."""
    if not Path("/proc/self/stat").exists():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        return
    end = time.monotonic() + _LONGEST
    # Again and again: between the look and the signal a process may have started another one.
    while (found := [*list_session(leader)]) and time.monotonic() < end:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_LOOK)


def list_session(leader: int) -> Iterator[int]:
    """Yield the processes of the session that still run."""
    for entry in os.listdir("/proc"):  # noqa: PTH208  thousands of names
        if entry.isdigit() and int(entry) != os.getpid():
            with suppress(OSError):
                # The name of the program, in brackets, may contain anything.
                status = Path("/proc", entry, "stat").read_bytes().rpartition(b")")[2].split()
                if int(status[3]) == leader and status[0] not in (b"Z", b"X"):
                    yield int(entry)
