"""Keeps the account of an answer: tries, times, what came of it; and writes the line that `--meta` asks for."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from mmpipe.catalogue import cost
from mmpipe.errors import ExitStatus, Interrupted, MmpipeError, OutputError, PipeClosed
from mmpipe.events import Event, Text, Thinking
from mmpipe.files import opened
from mmpipe.reply import Attempts, Reply, usage_json
from mmpipe.writers.lines import write_line

_SIGNALLED = 128  # and the signal's number, as shells count


class Account:
    """Counts from the first attempt; `reply` is what the current one has brought."""

    def __init__(self) -> None:
        self.reply = Reply()
        self._began: float | None = None
        self._attempts = 0
        self._first_byte_ms: int | None = None

    def begin_attempt(self) -> int:
        """Forget what the attempt before brought; returns the number of the new one, from 1."""
        self.reply = Reply()
        self._began = self._began or time.monotonic()
        self._attempts += 1
        return self._attempts

    def kept(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass `events` on, and keep what they say."""
        for event in events:
            if self._first_byte_ms is None and isinstance(event, Thinking | Text):
                self._first_byte_ms = self._elapsed_ms()
            self.reply.add(event)
            yield event

    def attempts(self) -> Attempts:
        """The tries and times so far."""
        return Attempts(self._attempts, self._first_byte_ms, self._elapsed_ms())

    def line(self, status: int, error: MmpipeError | None = None) -> dict[str, object]:
        """The object of `--meta`."""
        reply, attempts = self.reply, self.attempts()
        return {
            "id": reply.id or None,
            "model": reply.model or None,
            "finish_reason": reply.finish_reason,
            "usage": usage_json(reply.usage),
            "cost": cost(reply.model, reply.usage),
            "attempts": attempts.count,
            "first_byte_ms": attempts.first_byte_ms,
            "elapsed_ms": attempts.elapsed_ms,
            "request_id": reply.request_id or (None if error is None else error.request_id),
            "exit_status": status,
            "error": None if error is None else error.as_json(),
        }

    def _elapsed_ms(self) -> int:
        return 0 if self._began is None else round((time.monotonic() - self._began) * 1000)


@contextmanager
def accounted(path: str | None) -> Iterator[Account]:
    """An account, told to `path` when the context ends."""
    account = Account()
    with told_to(path, account.line):
        yield account


@contextmanager
def told_to(
    path: str | None, line: Callable[[int, MmpipeError | None], Mapping[str, object]]
) -> Iterator[None]:
    """When the context ends, however it ends, what `line` makes of status and error is appended to `path`, if any."""
    if path is None:
        yield
        return
    with opened(path, append=True) as output:
        try:
            yield
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
