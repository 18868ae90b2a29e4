"""The boundary: prepares the process, and turns whatever happens into one line on stderr and an exit status."""

import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from mmpipe.errors import Internal, MmpipeError
    from mmpipe.unix.streams import Streams


def run() -> NoReturn:
    """The command `mmpipe`: ends the process with a status of errors.py, or by the signal that ended the work."""
    # Until there is something to clean up, SIGINT is to end the process as SIGTERM does; Python would show a
    # traceback. Everything else is imported after that: it takes most of the time of a short command.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Where a parent ignores it, the kernel forgets how our children ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    import os
    import resource

    from mmpipe.unix.streams import Streams

    _open_standard_descriptors()
    # A core file would hold the key. Only the soft limit: a command that we run may want its own.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    status = main(sys.argv[1:], Streams.real())
    # Everything is written by now, without buffers of Python's. What an ordinary exit adds is taking apart the
    # modules of the SDK, and waiting for its threads.
    os._exit(status)


def main(arguments: Sequence[str], streams: "Streams") -> int:
    """Run one command; returns its exit status, or dies by a signal."""
    import os

    from mmpipe.errors import ExitStatus, Interrupted, MmpipeError, PipeClosed

    try:
        from mmpipe.command_line import perform
        from mmpipe.commands.program import Program

        return perform(arguments, Program(streams, dict(os.environ)))
    except MmpipeError as error:
        _report(error, arguments, streams)
        return error.status
    except PipeClosed:
        _die_by(signal.SIGPIPE)
    except Interrupted as interruption:
        _die_by(interruption.signal_number)
    except Exception as error:  # noqa: BLE001  the boundary: a traceback is no message
        _report(_bug(error), arguments, streams)
        return ExitStatus.INTERNAL


def _report(error: "MmpipeError", arguments: Sequence[str], streams: "Streams") -> None:
    # Looked for by hand, since the arguments may be what is wrong.
    options = list(arguments)[: arguments.index("--")] if "--" in arguments else arguments
    if "--error-json" in options:
        from contextlib import suppress

        from mmpipe.errors import OutputError
        from mmpipe.writers.lines import write_line

        # As with a sentence: that nobody can be told changes nothing of what happened.
        with suppress(OutputError):
            write_line(streams.stderr, error.as_json())
        return
    from mmpipe.text.durations import exact_duration

    later = "" if error.retry_after is None else f"; retry in {exact_duration(error.retry_after)}"
    trace = "" if error.request_id is None else f" (trace {error.request_id})"
    streams.say(f"{error.status.label}: {error.message}{later}{trace}")


def _bug(error: Exception) -> "Internal":
    import errno
    import traceback

    from mmpipe.errors import Internal

    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return Internal("there is not enough memory (ulimit -v?)")
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return Internal("no more files may be opened (ulimit -n?)")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.name}, line {frame.lineno}"
    return Internal(f"a bug in mmpipe: {type(error).__name__}: {error} ({place})")


def _open_standard_descriptors() -> None:
    """Give each of 0, 1 and 2 that is closed a descriptor, lest a socket or file lands on it.

    What stands in for standard output can only be read, so that writing to it fails as writing to a closed one does.
    """
    import os

    for descriptor, how in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is this one.
            os.open(os.devnull, how)


def _die_by(number: int) -> NoReturn:
    import os

    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Only if the signal is blocked.
    os._exit(128 + number)
