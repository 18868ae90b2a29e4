"""Tells what a run would ask, and about what it would take, without asking anything."""

from dataclasses import dataclass, field

from mmpipe.batch.journal.ledger import Ledger
from mmpipe.batch.pace.estimate import Estimate, Expected
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.records.records import Record
from mmpipe.batch.survey import Survey
from mmpipe.core.catalogue import find_model

_MINUTE = 60.0


@dataclass(slots=True)
class Forecast:
    """What all answers together may take; `dollars` and `speaking` are None where a model is not known well enough.

    `speaking` are the seconds that the models would need for all of it one after the other.
    """

    requests: int = 0
    prompt: int = 0
    answer: int = 0
    dollars: float | None = 0.0
    speaking: float | None = 0.0
    estimate: Estimate = Estimate()
    dedupe: bool = True
    limit: int | None = None
    _begun: int = 0
    _asked: Ledger = field(default_factory=lambda: Ledger(0))

    def add(self, record: Record) -> None:
        """One more record that has no answer yet, if a run would come so far and ask it by itself."""
        if self._begun == self.limit:
            return
        self._begun += 1
        known = bytes.fromhex(record.sha256[:32])
        if self.dedupe and self._asked.get(known) is not None:
            return
        self._asked.put(known, b"")
        expected = self.estimate.of(record.request)
        self.requests += 1
        self.prompt += expected.prompt
        self.answer += expected.answer
        self.dollars = _sum(self.dollars, expected.dollars)
        self.speaking = _sum(self.speaking, _seconds(expected))

    def seconds(self, rates: Rates, concurrency: int) -> float | None:
        """How long it takes at least by the limits and the speed of the models; None where nothing limits it."""
        bounds = (
            None if rates.requests is None else self.requests * _MINUTE / rates.requests,
            None if rates.tokens is None else (self.prompt + self.answer) * _MINUTE / rates.tokens,
            None if self.speaking is None else self.speaking / concurrency,
        )
        return max((bound for bound in bounds if bound is not None), default=None)

    def line(self, found: Survey, rates: Rates, concurrency: int) -> dict[str, object]:
        """The object that a dry run prints."""
        seconds = self.seconds(rates, concurrency)
        return {
            "records": found.records,
            "taken": found.taken,
            "bad": found.bad,
            "answered": found.answered,
            "requests": self.requests,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.answer,
            "cost": None if self.dollars is None else round(self.dollars, 6),
            "seconds": None if seconds is None else round(seconds, 1),
        }


def _seconds(expected: Expected) -> float | None:
    model = find_model(expected.model)
    return None if model is None or model.tps is None else expected.answer / model.tps


def _sum(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
