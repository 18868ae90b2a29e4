"""Sets its own limits, then executes the command of a tool: `python -I -S launcher.py PARENT [LIMIT=NUMBER]... [KEYRING=NUMBER] [FILTER=HEX] -- ARGV...`.

KEYRING is the number of the system call keyctl on this machine: the command gets an empty session keyring. FILTER is a
seccomp filter, which the command, bwrap, gets as its option --seccomp.

A separate program, since Python code between fork and exec is not safe in a process with threads. It imports nothing of
mmpipe and little else, since every call of a tool waits for it.
"""

import os
import resource
import signal
import sys
from typing import NoReturn

_CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_SET_PDEATHSIG = 1  # linux/prctl.h
# linux/keyctl.h
_GET_KEYRING_ID = 0
_JOIN_SESSION_KEYRING = 1
_SESSION_KEYRING = -3


def launch(arguments: list[str]) -> NoReturn:
    """Set the limits and execute the command; a command that cannot run ends with status 126 or 127, as in a shell."""
    separator = arguments.index("--")
    parent, words, command = int(arguments[0]), arguments[1:separator], arguments[separator + 1 :]
    _die_with_parent(parent)
    for word in words:
        name, _, value = word.partition("=")
        if name == "KEYRING":
            _leave_session_keyring(int(value))
        elif name == "FILTER":
            command[1:1] = ("--seccomp", str(_open_to_read(bytes.fromhex(value))))
        else:
            _lower_limit(getattr(resource, f"RLIMIT_{name}"), int(value))
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_RR:
        # The high priority is for the parent, which watches the command.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    # Python ignores these two signals, and the command would inherit that.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  without a shell on purpose
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        sys.exit(_NOT_FOUND if missing else _CANNOT_EXECUTE)


def _die_with_parent(parent: int) -> None:
    """Let the kernel kill the command if the parent, which enforces its timeout, dies."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def _open_to_read(data: bytes) -> int:
    """Return a descriptor for the command that `data`, far less than a pipe holds, can be read from."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    os.set_inheritable(reading, True)
    return reading


def _leave_session_keyring(number: int) -> None:
    """Give the command an empty session keyring of the kernel: ours may hold the key. Exits if that is not possible."""
    import ctypes
    import errno

    libc = ctypes.CDLL(None, use_errno=True)

    def call_keyctl(operation: int, argument: int) -> int:
        """Return 0, or the number of the error."""
        done = libc.syscall(
            ctypes.c_long(number), ctypes.c_long(operation), ctypes.c_long(argument), ctypes.c_long(0)
        )
        return ctypes.get_errno() if done == -1 else 0

    failure = call_keyctl(_JOIN_SESSION_KEYRING, 0)
    # Where this call is forbidden as a whole, as in most containers, the command can use no keyring either.
    if failure in (errno.EPERM, errno.ENOSYS) and call_keyctl(_GET_KEYRING_ID, _SESSION_KEYRING) == failure:
        return
    if failure:
        sys.stderr.write(f"no session keyring of its own for the tool: {os.strerror(failure)}\n")
        sys.exit(_CANNOT_EXECUTE)


def _lower_limit(limit: int, number: int) -> None:
    """Set the soft and the hard limit, so that the command cannot raise it; never above our own hard limit."""
    hard = resource.getrlimit(limit)[1]
    lowered = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(limit, (lowered, lowered))


if __name__ == "__main__":
    launch(sys.argv[1:])
