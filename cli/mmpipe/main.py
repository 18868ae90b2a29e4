"""Boundary of the process: prepares it, and turns every error into a report on stderr and an exit status."""

import gc
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from mmpipe.commands.program import Program
    from mmpipe.errors import MmpipeError
    from mmpipe.unix.streams import Streams

_NO_MEMORY = b"mmpipe: internal: not enough memory (ulimit -v?)\n"
_TOO_MANY_FILES = "too many open files: close some, or raise the limit (ulimit -n)"


def run() -> NoReturn:
    """Run the command `mmpipe`; ends the process with its exit status, or by the signal that ended the work."""
    # Until there is something to clean up, SIGINT ends the process like SIGTERM; Python would show a traceback.
    # All other imports follow, since they take most of the time of a short command.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What a start makes is used to its end, and each search for garbage would look at more of it. Work that may last, a
    # request first of all, wakes the collector.
    gc.disable()
    # If a parent has set SIGCHLD to be ignored, the kernel discards the exit status of our children.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    import os

    try:
        status = _run_prepared()
    except (MemoryError, ImportError):
        # The report of the first error has failed too, for want of memory; these bytes exist already.
        os.write(2, _NO_MEMORY)
        status = 1
    except OSError as error:
        # Or for want of descriptors, without which Python loads no module.
        os.write(2, f"mmpipe: usage: {_TOO_MANY_FILES} ({error.strerror})\n".encode())
        status = 2
    # All output is written, without buffers of Python. An ordinary exit would only unload the modules of the SDK
    # and wait for its threads.
    os._exit(status)


def _run_prepared() -> int:
    import resource

    from mmpipe.unix.streams import Streams

    _open_standard_descriptors()
    # Python would print a traceback for an error in a destructor, which concerns no user.
    sys.unraisablehook = lambda _: None
    # A core file would contain the key. Only the soft limit: commands that we run may raise theirs.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return main(sys.argv[1:], Streams.real())


def main(arguments: Sequence[str], streams: "Streams") -> int:
    """Run one command; returns its exit status, or ends the process by a signal."""
    import os

    from mmpipe.errors import Interrupted, MmpipeError, PipeClosed

    try:
        from mmpipe.commands.pages import show_asked_page
        from mmpipe.commands.program import Program
        from mmpipe.commands.tree import TREE

        program = Program(streams, dict(os.environ), TREE, arguments)
        return _finish(0 if show_asked_page(program) else _perform(program), streams)
    except MmpipeError as error:
        _report(error, arguments, streams)
        return error.status
    except PipeClosed:
        _die_by_signal(signal.SIGPIPE)
    except Interrupted as interruption:
        _die_by_signal(interruption.signal_number)
    except Exception as error:  # noqa: BLE001  the boundary: users get a message, not a traceback
        found = _describe_unexpected(error)
        _report(found, arguments, streams)
        return found.status


def _perform(program: "Program") -> int:
    from mmpipe.commands.plain_line import read_plain_line

    run_command = read_plain_line(program)
    if run_command is not None:
        return run_command() or 0
    from mmpipe.command_line import perform

    return perform(program)


def _finish(status: int, streams: "Streams") -> int:
    """Return the status; raises OutputError if standard output was written to and is not kept."""
    streams.stdout.check_kept()
    return status


def _report(error: "MmpipeError", arguments: Sequence[str], streams: "Streams") -> None:
    # Not from the parser: the error may be in the arguments.
    options = list(arguments)[: arguments.index("--")] if "--" in arguments else arguments
    if "--error-json" in options:
        from contextlib import suppress

        from mmpipe.errors import OutputError
        from mmpipe.writers.lines import write_line

        # As for a sentence: an error of stderr does not change the exit status.
        with suppress(OutputError):
            write_line(streams.stderr, error.as_json())
        return
    import os

    from mmpipe.errors import ListedPartial

    try:
        from mmpipe.writers.reporter import Reporter
    except (MemoryError, SystemError):
        # Python sometimes turns a MemoryError within an import into a SystemError.
        streams.report(f"{error.status.label}: {error.message}")
        return
    if isinstance(error, ListedPartial):
        return
    Reporter(streams, os.environ).report_error(error)


def _describe_unexpected(error: Exception) -> "MmpipeError":
    """Return the error of the system, or a bug."""
    import errno

    from mmpipe.errors import Internal, OutputError, UsageError, is_without_thread

    # The dynamic linker has no error number for a library that found no memory.
    is_unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    if isinstance(error, MemoryError) or is_unmapped or getattr(error, "errno", None) == errno.ENOMEM:
        return Internal("not enough memory (ulimit -v?)")
    if is_without_thread(error):
        return Internal("no memory or no process for one more thread (ulimit -v, ulimit -u?)")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return UsageError(_TOO_MANY_FILES)
    if isinstance(error, OSError) and error.errno in (errno.EDQUOT, errno.ENOSPC, errno.EFBIG, errno.EROFS):
        # A write whose place is not known here, as at the end of a file.
        return OutputError(f"cannot write: {error.strerror}")
    return Internal.of_bug(error)


def _open_standard_descriptors() -> None:
    """Open each of the descriptors 0, 1 and 2 that is closed, so that no socket or file gets its number.

    The substitute for standard output is read-only, so that writing fails as it does on a closed descriptor.
    """
    import os

    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is this one.
            os.open(os.devnull, mode)


def _die_by_signal(number: int) -> NoReturn:
    import os

    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Reached only if the signal is blocked.
    os._exit(128 + number)
