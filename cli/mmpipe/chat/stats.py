"""Keeps the account of an answer: tries, times, what came of it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from mmpipe.core.events import Event, Text, Thinking, Usage
from mmpipe.core.reply import Attempts, Reply, sum_usage, usage_json
from mmpipe.errors import MmpipeError
from mmpipe.writers.meta import open_meta


class AnswerStats:
    """Counts from the first attempt; `reply` is what the current one has brought.

    An answer may take several turns: the model calls tools, or is asked to mend what it said. All of them are paid;
    `untold` is what those took of which nothing was written.
    """

    def __init__(self) -> None:
        self.tell: Callable[[Mapping[str, object]], None] = lambda _: None
        self.reply = Reply()
        self.untold: Usage | None = None
        self._before: list[Reply] = []
        self._began: float | None = None
        self._attempts = 0
        self._first_byte_ms: int | None = None

    def begin_attempt(self) -> int:
        """Forget what the attempt before brought; returns the number of the new one, from 1."""
        self.reply = Reply()
        self._began = self._began or time.monotonic()
        self._attempts += 1
        return self._attempts

    def end_turn(self, *, told: bool = True) -> None:
        """The turn is over, and the answer is not there yet; nothing was written of one that is not `told`."""
        if not told:
            self.untold = sum_usage(self.untold, self.reply.usage)
        self._before.append(self.reply)
        self.reply = Reply()

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

    def record(self, *, with_thinking: bool) -> dict[str, object]:
        """The JSON record of the last turn (man page, JSON OUTPUT), with the usage of all turns."""
        record = self.reply.record(self.attempts(), with_thinking=with_thinking)
        return {**record, "usage": usage_json(self._usage())}

    def line(self, status: int, error: MmpipeError | None = None) -> dict[str, object]:
        """The object of `--meta`."""
        attempts = self.attempts()
        # What failed before it said anything leaves the turn before it to be told of.
        reply = self.reply if self.reply.id or not self._before else self._before[-1]
        return {
            "id": reply.id or None,
            "model": reply.model or None,
            "finish_reason": reply.finish_reason,
            "usage": usage_json(self._usage()),
            "cost": self._cost(),
            "turns": len(self._before) + 1,
            "attempts": attempts.count,
            "first_byte_ms": attempts.first_byte_ms,
            "elapsed_ms": attempts.elapsed_ms,
            "request_id": reply.request_id or (None if error is None else error.request_id),
            "exit_status": status,
            "error": None if error is None else error.as_json(),
        }

    def _usage(self) -> Usage | None:
        return sum_usage(*(reply.usage for reply in (*self._before, self.reply)))

    def _cost(self) -> float | None:
        """What all turns cost; one of which nobody knows makes the sum unknown."""
        paid = [reply for reply in (*self._before, self.reply) if reply.id]
        costs = [reply.cost for reply in paid]
        known = [dollars for dollars in costs if dollars is not None]
        return round(sum(known), 9) if known and len(known) == len(costs) else None

    def _elapsed_ms(self) -> int:
        return 0 if self._began is None else round((time.monotonic() - self._began) * 1000)


@contextmanager
def open_stats(path: str | None) -> Iterator[AnswerStats]:
    """An account, told to `path` when the context ends; what else is told goes there at once."""
    account = AnswerStats()
    with open_meta(path, account.line) as tell:
        account.tell = tell
        yield account
