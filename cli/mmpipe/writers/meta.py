"""Appends the JSON lines that `--meta` asks for: one about the run, after those told while it goes on."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

from mmpipe.errors import ExitStatus, Interrupted, MmpipeError, OutputError, PipeClosed
from mmpipe.unix.files import opened
from mmpipe.writers.lines import write_line

_SIGNALLED = 128  # and the signal's number, as shells count


@contextmanager
def open_meta(
    path: str | None, line: Callable[[int, MmpipeError | None], Mapping[str, object]]
) -> Iterator[Callable[[Mapping[str, object]], None]]:
    """When the context ends, however it ends, what `line` makes of status and error is appended to `path`, if any.

    What comes out of it appends a line of its own before that.
    """
    if path is None:
        yield lambda _: None
        return
    with opened(path, append=True) as output:
        try:
            yield partial(write_line, output)
        except (Exception, Interrupted) as error:
            told = line(_status(error), error if isinstance(error, MmpipeError) else None)
            # What went wrong first is what the user must hear of.
            with suppress(OutputError):
                write_line(output, told)
            raise
        write_line(output, line(ExitStatus.OK, None))


def _status(error: Exception | Interrupted) -> int:
    match error:
        case MmpipeError():
            return error.status
        case PipeClosed():
            return _SIGNALLED + signal.SIGPIPE
        case Interrupted():
            return _SIGNALLED + error.signal_number
        case _:
            return ExitStatus.INTERNAL
