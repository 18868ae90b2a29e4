"""Describes the end of a run to a person: what failed, how to look at it, and how to continue; pure."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mmpipe.batch.journal.result_format import ResultFormat
from mmpipe.batch.summary import RunSummary
from mmpipe.errors import InputError, Interrupted, MmpipeError, Partial, UsageError
from mmpipe.text.shell_words import format_command, quote_path, quote_word
from mmpipe.writers.details import Detail
from mmpipe.writers.terminal import Role

_LONGEST: Final = 500  # characters of a command that is worth copying
_KEEP_ANSWERS: Final = "with -o FILE answers are kept, and --resume asks only what is left"


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """The format of the results, and the `journal`, by its name, unless they go to standard output.

    With `has_earlier_lines` a record may have failed in one line of the journal, and be good in a later one.
    """

    format: ResultFormat = "jsonl"
    journal: str | None = None
    has_earlier_lines: bool = False


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """The command of the run: the words after the name of the program; the records may come from standard input."""

    words: Sequence[str] = ()
    reads_stdin: bool = False

    @property
    def resuming(self) -> str | None:
        """The command that continues the run; None if it is unknown, or too long to be copied."""
        words = [word for word in self.words if word != "--overwrite"]
        if "--resume" not in words:
            words.insert(words.index("--") if "--" in words else len(words), "--resume")
        command = format_command(["mmpipe", *words])
        return command if self.words and len(command) <= _LONGEST else None

    @property
    def resuming_in_words(self) -> str:
        """The same as a sentence."""
        if "--resume" in self.words:
            return "run the same command again"
        replaced = " in place of --overwrite" if "--overwrite" in self.words else ""
        return f"run the same command with --resume{replaced}"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a run: its counts, the number of its records if that is known, and the reason; None if all are good."""

    summary: RunSummary
    total: int | None
    error: BaseException | None
    results: ResultPlace
    command: TypedCommand

    @property
    def headline(self) -> str:
        """The counts, after the signal that ended the run."""
        is_early = self.total is not None and self.error is not None
        left = (self.total or 0) - self.summary.done - self.summary.skipped if is_early else 0
        counts = self.summary.headline(left)
        if isinstance(self.error, Interrupted):
            return f"ended by {signal.Signals(self.error.signal_number).name}: {counts}"
        return counts

    @property
    def continuation(self) -> str | None:
        """The way to continue the journal, in one line; None if --resume does not continue it."""
        if not self._can_be_resumed():
            return None
        stdin = ", with the same standard input" if self.command.reads_stdin else ""
        way = self.command.resuming or self.command.resuming_in_words
        return f"to continue {self.results.journal}{stdin}: {way}"

    def details(self) -> Iterator[Detail]:
        """The lines below the headline."""
        yield from self._failures()
        if self._can_be_resumed():
            command = self.command.resuming
            text = command or self.command.resuming_in_words
            yield Detail("to continue", text, Role.HEADING, is_command=command is not None)
            if self.command.reads_stdin:
                yield Detail("", "(with the same standard input)", Role.FAINT)
        elif self.results.journal is None and (self.summary.causes or isinstance(self.error, Interrupted)):
            yield Detail("next time", _KEEP_ANSWERS, Role.FAINT)
        if isinstance(self.error, Partial):
            yield Detail(
                f"exit status {int(self.error.status)}", "some records have no good answer", Role.FAINT
            )

    def _failures(self) -> Iterator[Detail]:
        """The number of failures of each kind and the first of them, which text has named already."""
        failures = self.summary.failures
        for cause, number in self.summary.causes.most_common():
            first = None if self.results.format == "text" else failures.get(cause)
            such_as = "" if number == 1 else "such as "
            text = "" if first is None else f"{such_as}{first.name}: {first.message}"
            yield Detail(f"{number} {cause}", text, Role.ERROR)
        if failures and self.results.journal is not None:
            query = failures_query(self.results, {first.field for first in failures.values()})
            yield Detail(
                "to see them", f"{query} {quote_path(self.results.journal)}", Role.HEADING, is_command=True
            )

    def _can_be_resumed(self) -> bool:
        """True if the same command with --resume would do more than this run."""
        has_begun = bool(self.summary.done) or isinstance(self.error, Interrupted)
        is_final = isinstance(self.error, InputError | UsageError)
        ended = isinstance(self.error, MmpipeError | Interrupted) and not is_final
        return self.results.journal is not None and has_begun and ended


def failures_query(results: ResultPlace, fields: set[str]) -> str:
    """Return the call of jq, without its file, that prints the id and the message of each record that has failed.

    The results name their records in these `fields`: `id`, `custom_id` or both.
    """
    name, error = " // ".join(f".{field}" for field in sorted(fields)), ".error"
    if results.format == "openai":
        name, error = ".custom_id", "(.error // .incomplete)"
    if not results.has_earlier_lines:
        program = f'select({error}) | "\\({name}): \\({error}.message)"'
        return f"jq -r {quote_word(program)}"
    # The last line of a record counts.
    latest = f"reduce inputs as $line ({{}}; .[$line | {name}] = ($line | {error}))"
    program = f'{latest} | to_entries[] | select(.value) | "\\(.key): \\(.value.message)"'
    return f"jq -nr {quote_word(program)}"
