"""Keeps the account of one answer: tries, times, what came of it, and the line that `--meta` asks for."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from mmpipe.errors import Interrupted, MmpipeError, OutputError, PipeClosed
from mmpipe.events import Event, Text, Thinking
from mmpipe.files import opened
from mmpipe.reply import Attempts, Reply, usage_json
from mmpipe.writers.lines import write_line

_SIGPIPE_STATUS = 141
_SIGNALLED = 128


class Account:
    """Counts from the moment it is made; `reply` is what the current attempt has brought."""

    def __init__(self) -> None:
        self.reply = Reply()
        self._began = time.monotonic()
        self._attempts = 0
        self._first_byte_ms: int | None = None

    def begin_attempt(self) -> int:
        """Forget what the attempt before brought; returns the number of the new one, from 1."""
        self.reply = Reply()
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
        """The object of `--meta`; cost is null until there is a catalogue of prices."""
        reply, attempts = self.reply, self.attempts()
        return {
            "id": reply.id or None,
            "model": reply.model or None,
            "finish_reason": reply.finish_reason,
            "usage": usage_json(reply.usage),
            "cost": None,
            "attempts": attempts.count,
            "first_byte_ms": attempts.first_byte_ms,
            "elapsed_ms": attempts.elapsed_ms,
            "request_id": reply.request_id or (None if error is None else error.request_id),
            "exit_status": status,
            "error": None if error is None else error.as_json(),
        }

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


@contextmanager
def accounted(path: str | None) -> Iterator[Account]:
    """An account; when the context ends, however it ends, its line is appended to `path` if there is one."""
    account = Account()
    if path is None:
        yield account
        return
    with opened(path, append=True) as output:
        try:
            yield account
        except (MmpipeError, PipeClosed, Interrupted) as error:
            # What went wrong first is what the user must hear of.
            with suppress(OutputError):
                write_line(
                    output, account.line(_status(error), error if isinstance(error, MmpipeError) else None)
                )
            raise
        write_line(output, account.line(0))


def _status(error: MmpipeError | PipeClosed | Interrupted) -> int:
    match error:
        case MmpipeError():
            return int(error.status)
        case PipeClosed():
            return _SIGPIPE_STATUS
        case Interrupted():
            return _SIGNALLED + error.signal_number
