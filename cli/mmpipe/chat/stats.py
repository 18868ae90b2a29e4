"""Counts the attempts and the time of an answer, and adds up what its turns used."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain

from mmpipe.core.events import Event, Text, Thinking
from mmpipe.core.reply import Attempts, Reply, describe_usage, sum_usage, usage_json
from mmpipe.errors import MmpipeError
from mmpipe.text.counts import format_count


class AnswerStats:
    """The statistics of one answer, which may take several turns: the model calls tools, or repairs an invalid answer.

    All turns are paid, also those of which nothing was written. `host` is the identity of the host that answers; None for
    the default one, and for a replay.
    """

    def __init__(self, host: str | None = None) -> None:
        self.host = host
        self._turns: list[Reply] = []
        self._attempts = 0
        self._began: float | None = None
        self._first_byte_ms: int | None = None

    @property
    def turns(self) -> int:
        """The number of turns that have ended."""
        return len(self._turns)

    def begin_attempt(self) -> None:
        """Count an attempt; the time runs from the first one."""
        self._began = self._began or time.monotonic()
        self._attempts += 1

    def timed(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass `events` on, and note the time of the first thinking or text."""
        rest = iter(events)
        # What follows the first is passed on without a step of Python.
        return chain(self._time_first(rest), rest)

    def end_turn(self, reply: Reply) -> None:
        """Add the reply of a turn: that of its last attempt, whole or in part."""
        self._turns.append(reply)

    def attempts(self) -> Attempts:
        """The attempts and times so far."""
        return Attempts(self._attempts, self._first_byte_ms, self._elapsed_ms())

    def record(self, reply: Reply, *, with_thinking: bool) -> dict[str, object]:
        """The JSON record of the last turn, with the usage and the cost of all turns."""
        turns = (*self._turns, reply)
        usage = sum_usage(*(turn.usage for turn in turns))
        record = reply.record(self.attempts(), self._cost(turns), with_thinking=with_thinking)
        return {**record, "usage": usage_json(usage)}

    def describe(self) -> str:
        """The sentence of `-v`: tokens, cost, attempts and time of all turns."""
        usage = describe_usage(sum_usage(*(turn.usage for turn in self._turns)), self._cost(self._turns))
        attempts = self.attempts()
        return f"{usage}, {format_count(attempts.count, 'request')}, {attempts.elapsed_ms / 1000:.1f} s"

    def meta(self, status: int, error: MmpipeError | None = None) -> dict[str, object]:
        """The object of `--meta`."""
        attempts = self.attempts()
        *previous, reply = self._turns or [Reply()]
        # If this turn failed before any output, report the previous turn.
        if not reply.id and previous:
            reply = previous[-1]
        return {
            "id": reply.id or None,
            "model": reply.model or None,
            "finish_reason": reply.finish_reason,
            "usage": usage_json(sum_usage(*(turn.usage for turn in self._turns))),
            "cost": self._cost(self._turns),
            "turns": len(self._turns) or 1,
            "attempts": attempts.count,
            "first_byte_ms": attempts.first_byte_ms,
            "elapsed_ms": attempts.elapsed_ms,
            "request_id": reply.request_id or (None if error is None else error.request_id),
            "exit_status": status,
            "error": None if error is None else error.as_json(),
        }

    def _time_first(self, events: Iterator[Event]) -> Iterator[Event]:
        while self._first_byte_ms is None and (event := next(events, None)) is not None:
            if isinstance(event, Thinking | Text):
                self._first_byte_ms = self._elapsed_ms()
            yield event

    def _cost(self, turns: Iterable[Reply]) -> float | None:
        """The cost of all turns in dollars; None if that of one is unknown."""
        costs = [turn.cost_at(self.host) for turn in turns if turn.id]
        known = [dollars for dollars in costs if dollars is not None]
        return round(sum(known), 9) if known and len(known) == len(costs) else None

    def _elapsed_ms(self) -> int:
        return 0 if self._began is None else round((time.monotonic() - self._began) * 1000)
