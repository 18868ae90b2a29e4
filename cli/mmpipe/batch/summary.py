"""Counts the results of a run; reports them in a sentence, as progress, and in the line of `--meta`."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field

from mmpipe.batch.engine import Outcome
from mmpipe.batch.records.records import Record
from mmpipe.core.events import Usage
from mmpipe.core.model_warnings import ModelWarning
from mmpipe.core.reply import ReplyWarning
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError
from mmpipe.text.counts import format_amount, format_count
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


@dataclass(frozen=True, slots=True)
class Failure:
    """The first failure of a kind: the record, and the message."""

    name: str
    message: str


@dataclass(slots=True)
class RunSummary:
    """Counts of records by their results, and the usage of the answers.

    `causes` counts the failed ones by the name of their error, and `failures` has the first of each. `skipped` records
    were answered by an earlier run; `copied` ones are among the good or failed, and share the answer of another record.
    `unpriced` answers have an unknown cost; `unwritten` good ones were lost when the run ended. `warned`
    counts the answers that have something odd. `earlier_cost` is that of the runs before, in dollars, as the journal has it.
    """

    good: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)
    skipped: int = 0
    copied: int = 0
    unwritten: int = 0
    requests: int = 0
    retries: int = 0
    warned: Counter[ReplyWarning | ModelWarning] = field(default_factory=Counter)
    tokens: TokenTotals = field(default_factory=TokenTotals)
    cost: float = 0.0
    unpriced: int = 0
    earlier_cost: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> int:
        """The number of records that have failed."""
        return self.causes.total()

    @property
    def has_good(self) -> bool:
        """True if a record has a good answer, of this run or of an earlier one."""
        return bool(self.good or self.skipped)

    @property
    def done(self) -> int:
        """The number of records that this run has settled."""
        return self.good + self.failed + self.unwritten

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

    def settle(self, cause: str | None, failure: Failure | None = None) -> None:
        """Count one record, good without the cause of a failure."""
        if cause is None:
            self.good += 1
            return
        self.causes[cause] += 1
        if failure is not None:
            self.failures.setdefault(cause, failure)

    def lose(self, answers: int) -> None:
        """Count so many of the good answers as not written."""
        self.good -= answers
        self.unwritten += answers

    def sentence(self) -> str:
        """The summary line on stderr."""
        return ", ".join(self._phrases())

    def headline(self, left: int) -> str:
        """The same for a person who sees the causes below; `left` records have no answer yet."""
        return ", ".join(self._short_phrases(left))

    def line(self, status: int, error: MmpipeError | None = None) -> dict[str, object]:
        """The object of `--meta`."""
        return {
            "good": self.good,
            "failed": self.failed,
            "causes": dict(self.causes.most_common()),
            "skipped": self.skipped,
            "copied": self.copied,
            "unwritten": self.unwritten,
            "requests": self.requests,
            "retries": self.retries,
            "usage": self.tokens.as_json(),
            "cost": None if self.known_cost is None else round(self.cost, 9),
            "earlier_cost": round(self.earlier_cost, 9),
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
        by_cause = ", ".join(f"{number} {cause}" for cause, number in self.causes.most_common())
        yield f"{self.good} good"
        yield f"{self.failed} failed ({by_cause})" if self.causes else "0 failed"
        yield f"{self.skipped} answered before"
        yield from self._further_phrases()

    def _short_phrases(self, left: int) -> Iterator[str]:
        yield f"{self.good} good"
        if self.failed:
            yield f"{self.failed} failed"
        if left > 0:
            yield f"{left} left"
        if self.skipped:
            yield f"{self.skipped} answered before"
        yield from self._further_phrases()

    def _further_phrases(self) -> Iterator[str]:
        if self.unwritten:
            yield f"{self.unwritten} answered but not written"
        if self.copied:
            yield f"{self.copied} the same as others"
        if self.retries:
            yield format_count(self.retries, "retry", "retries")
        yield from (f"{number} {warning.words}" for warning, number in self.warned.items())
        tokens = self.tokens.as_json()["total_tokens"]
        yield "tokens unknown" if tokens is None else format_count(tokens, "token")
        if self.known_cost:
            yield f"${format_amount(self.cost)}"
        if self.earlier_cost:
            yield f"${format_amount(self.earlier_cost + self.cost)} in all runs"
        yield f"{self.seconds:.1f} s"
