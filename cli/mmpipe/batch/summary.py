"""Counts the results of a run; reports them in a sentence, as progress, and in the line of `--meta`."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mmpipe.batch.engine import Outcome
from mmpipe.batch.records.records import Record
from mmpipe.core.events import Usage
from mmpipe.core.model_warnings import ModelWarning
from mmpipe.core.reply import ReplyWarning
from mmpipe.errors import MmpipeError
from mmpipe.text.counts import format_count
from mmpipe.writers.snapshot import Snapshot

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass(slots=True)
class TokenTotals:
    """Sums of token counts by name; None for a count that no answer reported."""

    sums: Counter[str] = field(default_factory=Counter)
    unreported: set[str] = field(default_factory=set)

    def add(self, usage: Usage | None) -> None:
        """Add the usage of one answer, None if it is unknown."""
        for name in _COUNTS:
            count: int | None = None if usage is None else getattr(usage, name)
            if count is None:
                self.unreported.add(name)
            else:
                self.sums[name] += count

    def as_json(self) -> Mapping[str, int | None]:
        """The sums by name; 0 if there was no answer."""
        return {name: None if self._is_unknown(name) else self.sums[name] for name in _COUNTS}

    def _is_unknown(self, name: str) -> bool:
        return name in self.unreported and not self.sums[name]


@dataclass(slots=True)
class RunSummary:
    """Counts of records by their results, and the usage of the answers.

    `skipped` records were answered by an earlier run; `copied` ones are among the good or failed, and share the answer
    of another record. `unpriced` answers have an unknown cost; `unwritten` lines were lost when the run ended. `warned`
    counts the answers that have something odd.
    """

    good: int = 0
    failed: int = 0
    skipped: int = 0
    copied: int = 0
    unwritten: int = 0
    requests: int = 0
    retries: int = 0
    warned: Counter[ReplyWarning | ModelWarning] = field(default_factory=Counter)
    tokens: TokenTotals = field(default_factory=TokenTotals)
    cost: float = 0.0
    unpriced: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """The number of records that this run has settled."""
        return self.good + self.failed

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    @property
    def known_cost(self) -> float | None:
        """Dollars; None if a part of the cost is unknown."""
        return None if self.unpriced else self.cost

    def count(self, outcome: Outcome[Record], dollars: float | None) -> None:
        """Add the attempts and the usage of one record, which is settled apart."""
        self.requests += outcome.attempts.count
        usage = outcome.reply.usage
        if usage is not None or outcome.error is None:
            self.tokens.add(usage)
            self.unpriced += dollars is None
            self.cost += dollars or 0.0

    def settle(self, *, good: bool) -> None:
        """Count one record with its result."""
        self.good += good
        self.failed += not good

    def sentence(self) -> str:
        """The summary line on stderr."""
        return ", ".join(self._phrases())

    def line(self, status: int, error: MmpipeError | None = None) -> dict[str, object]:
        """The object of `--meta`."""
        return {
            "good": self.good,
            "failed": self.failed,
            "skipped": self.skipped,
            "copied": self.copied,
            "unwritten": self.unwritten,
            "requests": self.requests,
            "retries": self.retries,
            "usage": self.tokens.as_json(),
            "cost": None if self.known_cost is None else round(self.cost, 9),
            "elapsed_ms": round(self.seconds * 1000),
            "exit_status": status,
            "error": None if error is None else error.as_json(),
        }

    def snapshot(self, total: int | None, in_flight: int) -> Snapshot:
        """The counts as the progress shows them; `total` is None if the number of records is unknown."""
        return Snapshot(
            done=self.done,
            failed=self.failed,
            retried=self.retries,
            in_flight=in_flight,
            skipped=self.skipped,
            total=total,
            tokens=self.tokens.as_json()["total_tokens"],
            cost=self.known_cost,
            seconds=self.seconds,
        )

    def _phrases(self) -> Iterator[str]:
        yield f"{self.good} good"
        yield f"{self.failed} failed"
        yield f"{self.skipped} answered before"
        if self.unwritten:
            yield f"{self.unwritten} not written"
        if self.copied:
            yield f"{self.copied} the same as others"
        if self.retries:
            yield format_count(self.retries, "retry", "retries")
        yield from (f"{number} {warning.words}" for warning, number in self.warned.items())
        tokens = self.tokens.as_json()["total_tokens"]
        yield "tokens unknown" if tokens is None else format_count(tokens, "token")
        if self.known_cost:
            yield f"${self.cost:.4g}"
        yield f"{self.seconds:.1f} s"
