"""Becomes the command of a tool after giving itself limits: `python -I -S launcher.py PARENT [LIMIT=NUMBER]... -- ARGV...`.

A program of its own, since code of ours that runs between fork and exec is not safe beside threads. It imports nothing of
mmpipe, and little else: every call of a tool waits for it.
"""

import os
import resource
import signal
import sys
from typing import NoReturn

_CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_SET_PDEATHSIG = 1  # linux/prctl.h


def launch(arguments: list[str]) -> NoReturn:
    """Set the limits and become the command; what cannot be executed ends as it does in a shell."""
    border = arguments.index("--")
    parent, limits, command = int(arguments[0]), arguments[1:border], arguments[border + 1 :]
    _die_with(parent)
    for limit in limits:
        name, _, number = limit.partition("=")
        _lower(getattr(resource, f"RLIMIT_{name}"), int(number))
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_RR:
        # Who watches over the command goes first, and not the command.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    # Python ignores these two, and what is ignored stays so in the command.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  no shell is what this is about
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        sys.exit(_NOT_FOUND if missing else _CANNOT_EXECUTE)


def _die_with(parent: int) -> None:
    """Nobody would end the command at its time any more if who started it were killed."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def _lower(limit: int, number: int) -> None:
    """Hard as well as soft, so that the command cannot raise it again; never above what we have ourselves."""
    hard = resource.getrlimit(limit)[1]
    lowered = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(limit, (lowered, lowered))


if __name__ == "__main__":
    launch(sys.argv[1:])
