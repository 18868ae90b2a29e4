"""Appends the JSON lines of `--meta`: lines during the run, then one about the whole run."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from mmpipe.errors import ExitStatus, Interrupted, MmpipeError, OutputError, PipeClosed, UsageError
from mmpipe.unix.files import open_output
from mmpipe.writers.lines import write_line

_SIGNAL_BASE = 128  # a shell adds the number of the signal


@contextmanager
def open_meta(
    path: str | None, line: Callable[[int, MmpipeError | None], Mapping[str, object]]
) -> Iterator[Callable[[Mapping[str, object]], None]]:
    """Append `line(status, error)` to `path` when the context ends, also by an error; yields a function that appends a line now.

    Does nothing if `path` is None. Raises UsageError for `-`, and OutputError, but never in place of an error of the context.
    """
    if path is None:
        yield lambda _: None
        return
    if path == "-":
        raise UsageError(
            "--meta -: standard output is for the answers",
            hint="name a file, /dev/stderr or /dev/fd/3",
        )
    with open_output(path, append=True) as output:
        try:
            yield partial(write_line, output)
        except (Exception, Interrupted) as error:
            last = line(_exit_status(error), error if isinstance(error, MmpipeError) else None)
            # The user must see the first error, not a second one from here.
            with suppress(OutputError):
                write_line(output, last)
            raise
        write_line(output, line(ExitStatus.OK, None))


def _exit_status(error: Exception | Interrupted) -> int:
    match error:
        case MmpipeError():
            return error.status
        case PipeClosed():
            return _SIGNAL_BASE + signal.SIGPIPE
        case Interrupted():
            return _SIGNAL_BASE + error.signal_number
        case _:
            return ExitStatus.INTERNAL
