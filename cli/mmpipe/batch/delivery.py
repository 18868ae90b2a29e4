"""Delivers results: a line for each record to the output, a count to the summary, a check by the ending rules."""

from collections.abc import Mapping

from mmpipe.batch.engine import Outcome
from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.pace.budgets import EndingRules
from mmpipe.batch.pace.memory import MemoryBudget
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.result_writer import ResultSink, ResultWriter
from mmpipe.batch.results import LineForm, bad_record_line, fitting_copy, fitting_line
from mmpipe.batch.summary import Failure, RunSummary
from mmpipe.core.model_warnings import ModelWarning, find_model_warnings
from mmpipe.core.reply import Reply, ReplyWarning, describe_usage, reply_warnings
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, InputError, MmpipeError
from mmpipe.writers.console import Console


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Everything that a run writes to: result lines go to the `journal`, if there is one, or else to the `sink`."""

    sink: ResultSink
    journal: Journal | None
    summary: RunSummary
    console: Console
    form: LineForm = LineForm()


@dataclass(frozen=True, slots=True)
class Delivered:
    """A line, its offset in the journal, and the name of its error; None for a good answer."""

    line: bytes
    offset: int
    cause: str | None


class Delivery:
    """The results of one run; `memory` counts the records that have none yet."""

    def __init__(
        self, output: RunOutput, writer: ResultWriter, rules: EndingRules, memory: MemoryBudget
    ) -> None:
        self._journal, self._summary, self._console = output.journal, output.summary, output.console
        self._writer, self._format, self._rules = writer, output.form, rules
        self.memory = memory

    def skip(self, index: int, *, is_answered: bool) -> None:
        """Write nothing for a record: an earlier run answered it, or another shard takes it."""
        self._summary.skipped += is_answered
        self._writer.put(index, None, is_good=False)

    def refuse(self, record: BadRecord) -> None:
        """Write the error of a record that cannot be asked, unless the journal has it from an earlier run."""
        journal, name = self._journal, record.id
        is_known = journal is not None and (
            journal.knows(str(record.index), has_own_id=False) or (name is not None and journal.knows(name))
        )
        line = None if is_known else bad_record_line(record, self._format)
        self._writer.put(record.index, line, is_good=False)
        message = f"{record.source}, line {record.number}: {record.message}"
        self._settle(InputError.status.label, Failure(name or str(record.index), message))

    def copy(self, record: Record, line: bytes, cause: str | None) -> None:
        """Write for this record the answer or error (`cause`) in `line`, which another one with the same request received."""
        copied, is_copy = fitting_copy(line, record, self._format, self._earlier_attempts(record))
        cause = cause if is_copy else BadResponse.status.label
        self._writer.put(record.index, copied, is_good=cause is None)
        self.memory.settle(record.index)
        self._summary.copied += 1
        self._settle(cause)

    def price(self, reply: Reply) -> float | None:
        """Return what a reply costs at the host of this run, in dollars; None if unknown."""
        return reply.cost_at(self._format.host)

    def deliver(self, outcome: Outcome[Record], dollars: float | None) -> Delivered:
        """Write and count the outcome of a record."""
        record = outcome.item
        outcome, line = fitting_line(outcome, self._format, self._earlier_attempts(record), dollars)
        self._summary.count(outcome, dollars)
        offset = self._writer.end
        self._writer.put(record.index, line, is_good=outcome.error is None)
        self.memory.settle(record.index)
        cause = None if outcome.error is None else outcome.error.status.label
        error = outcome.error
        self._settle(cause, None if error is None else Failure(record.id, error.message))
        self._rules.check_reached(outcome.error)
        if outcome.error is None:
            self._warn(record, {kind: kind.sentence for kind in reply_warnings(outcome.reply)})
        model, host = record.request.model, self._format.host
        self._warn(record, find_model_warnings(model, outcome.reply, outcome.error, host=host))
        if self._console.prints_notes:
            trace, usage = (
                outcome.reply.request_id or "no trace id",
                describe_usage(outcome.reply.usage, dollars),
            )
            self._console.note(f"{record.id}: {trace}, {usage}, {outcome.attempts.elapsed_ms} ms")
        return Delivered(line, offset, cause)

    def retrying(self, record: Record, error: MmpipeError, delay: float) -> None:
        """Count a retry, and report it if the user wants details."""
        self._summary.retries += 1
        self._console.note(f"{record.id}: {error.message}; retrying in {delay:.1f} s")

    def _warn(
        self, record: Record, sentences: Mapping[ReplyWarning, str] | Mapping[ModelWarning, str]
    ) -> None:
        """Count what is odd about an answer; each kind is reported once a run."""
        for warning, sentence in sentences.items():
            if not self._summary.warned[warning]:
                self._console.warn(f"{record.id}: {sentence}")
            self._summary.warned[warning] += 1

    def _settle(self, cause: str | None, failure: Failure | None = None) -> None:
        self._summary.settle(cause, failure)
        self._rules.check_failures(self._summary.failed, self._summary.done)

    def _earlier_attempts(self, record: Record) -> int:
        if self._journal is None:
            return 0
        return self._journal.attempt(record.id, record.sha256, has_own_id=record.has_own_id)
