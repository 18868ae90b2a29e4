"""Forecasts the requests of a run, and their time and cost, without sending one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mmpipe.batch.input_check import BatchInput, count_input
from mmpipe.batch.input_counts import InputCounts
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.ledger import Ledger
from mmpipe.batch.pace.deadline import Deadline
from mmpipe.batch.pace.estimate import AnswerHistogram, ExpectedUsage
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.records.records import Record
from mmpipe.batch.request_findings import RequestFindings
from mmpipe.core.catalogue import find_model, suggest_model
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.errors import InputError
from mmpipe.text.cells import measure_line
from mmpipe.text.durations import format_rough_duration
from mmpipe.text.suggestions import join_hints
from mmpipe.text.visible import one_line
from mmpipe.writers.figures import format_dollars

_MINUTE = 60.0
_SHOWN = 5  # models that an error names
_LONGEST = 100  # characters of a name
_SHOWN_ROWS = 10  # models for a person


@dataclass(slots=True)
class Forecast:
    """The expected usage of all requests; `dollars` and `seconds` are None if a model is not known well enough, or the `host`.

    `seconds` are the time that the models would need for all answers one after the other. At most `limit` records are
    begun; with `dedupe` identical requests count once. `histogram` estimates the answers.
    """

    dedupe: bool = True
    limit: int | None = None
    histogram: AnswerHistogram = AnswerHistogram()
    findings: RequestFindings = field(default_factory=RequestFindings)
    host: str | None = None
    counts: InputCounts = field(default_factory=InputCounts)
    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    dollars: float | None = 0.0
    seconds: float | None = 0.0
    _begun: int = 0
    _asked: Ledger = field(default_factory=lambda: Ledger(0))

    def add(self, record: Record) -> None:
        """Add a record without an answer, if a run would begin it and send a request for it."""
        if self._begun == self.limit:
            return
        self._begun += 1
        digest = bytes.fromhex(record.sha256[:32])
        if self.dedupe and self._asked.get(digest) is not None:
            return
        self._asked.put(digest, b"")
        self.findings.add_record(record)
        expected = self.histogram.expect(record.request)
        self.requests += 1
        self.prompt_tokens += expected.prompt
        self.answer_tokens += expected.answer
        is_known = follows_catalogue(self.host)
        self.dollars = _sum(self.dollars, expected.dollars if is_known else None)
        self.seconds = _sum(self.seconds, _answer_seconds(expected) if is_known else None)

    def duration(self, rates: Rates, concurrency: int) -> float | None:
        """The least seconds that the rates and the speed of the models allow; None if nothing limits them."""
        bounds = (
            None if rates.requests is None else self.requests * _MINUTE / rates.requests,
            None
            if rates.tokens is None
            else (self.prompt_tokens + self.answer_tokens) * _MINUTE / rates.tokens,
            None if self.seconds is None else self.seconds / concurrency,
        )
        return max((bound for bound in bounds if bound is not None), default=None)

    def line(self, rates: Rates, concurrency: int) -> dict[str, object]:
        """The object that a dry run prints."""
        duration = self.duration(rates, concurrency)
        return {
            "records": self.counts.records,
            "taken": self.counts.taken,
            "bad": self.counts.bad,
            "answered": self.counts.answered,
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.answer_tokens,
            "cost": None if self.dollars is None else round(self.dollars, 6),
            "seconds": None if duration is None else round(duration, 1),
            "assumed_tokens": self.histogram.answer_tokens(),
            "models": self.findings.models.by_name,
            "other_models": self.findings.models.others,
            "unknown_models": list(self.findings.unknown.by_name),
            "warnings": self.findings.odd.by_name,
            "other_warnings": self.findings.odd.others,
            "faults": {message: number for message, (_, number) in self.counts.faults.items()},
        }

    def facts(self, rates: Rates, concurrency: int) -> Iterator[tuple[str, str]]:
        """Yield the same for a person: a name and a text each, the name empty for what goes on."""
        counts, duration = self.counts, self.duration(rates, concurrency)
        parts = ((counts.bad, "bad"), (counts.answered, "answered before"))
        found = ", ".join(f"{number:,} {kind}" for number, kind in parts if number)
        yield "records", f"{counts.records:,}{f' ({found})' if found else ''}"
        yield "requests", f"{self.requests:,}"
        others = self.findings.models.others
        found_models = self.findings.models.by_name.most_common(_SHOWN_ROWS)
        models = [(one_line(name, _LONGEST), number) for name, number in found_models]
        rest = self.requests - sum(number for _, number in models)
        width = max((measure_line(name) for name, _ in models), default=0)
        for place, (name, number) in enumerate(models):
            gap = " " * (width - measure_line(name))
            yield "" if place else "models", f"{name}{gap}  {number:,}"
        if rest:
            more = len(self.findings.models.by_name) - len(models)
            yield "", f"and {more if not others else f'more than {more:,}'} other models  {rest:,}"
        yield "tokens", f"{self.prompt_tokens:,} in, about {self.answer_tokens:,} out"
        yield "cost", "not known" if self.dollars is None else f"about {format_dollars(self.dollars)}"
        yield "time", "not known" if duration is None else f"at least {format_rough_duration(duration)}"
        yield (
            "assumed",
            f"{self.histogram.answer_tokens():,} tokens an answer (--assume-tokens), {concurrency} at once (-j)",
        )
        for place, sentence in enumerate(self.findings.sentences()):
            yield "" if place else "findings", sentence

    def check(self) -> None:
        """Raise InputError for bad records, and for models that the host would refuse."""
        self.counts.check()
        unknown = [*self.findings.unknown.by_name]
        if self.findings.refuses_unknown and unknown:
            number = self.findings.unknown.by_name.total() + self.findings.unknown.others
            shown = ", ".join(one_line(name, _LONGEST) for name in unknown[:_SHOWN])
            more = ", ..." if len(unknown) > _SHOWN else ""
            raise InputError(
                f"{number} of {self.requests} requests ask models that are not in the catalogue: {shown}{more}",
                hint=join_hints(
                    suggest_model(unknown[0]),
                    "--set model=NAME replaces them, --keep-going accepts them",
                ),
            )


def forecast_run(source: BatchInput, journal: Journal | None, deadline: Deadline) -> Forecast:
    """The forecast for the whole input without the records that the journal has answers for.

    Bad records are counted. Raises InputError for an id that the journal has with another request, TimedOut.
    """
    options = source.options.selection
    histogram = AnswerHistogram(default=source.options.limits.assume_tokens)
    forecast = Forecast(not options.no_dedupe, options.limit, histogram, source.findings(), source.host)
    forecast.counts = count_input(
        source, deadline.hold(source.pieces(source.find_files(), deadline.hold)), journal, forecast.add
    )
    return forecast


def _answer_seconds(expected: ExpectedUsage) -> float | None:
    model = find_model(expected.model)
    return None if model is None or model.tps is None else expected.answer / model.tps


def _sum(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
