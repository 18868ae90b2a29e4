"""Reports the end of a run to a person: what failed, how to look at it, and how to continue."""

import errno
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from itertools import islice
from typing import Final

from mmpipe.batch.delivery import RunOutput
from mmpipe.batch.journal.result_format import ResultFormat
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.preparation import BatchCall
from mmpipe.batch.summary import RunSummary
from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError, Interrupted, MmpipeError, OutputError, Partial, UsageError
from mmpipe.grammar import list_parameters
from mmpipe.text.shell_words import format_command, quote_path, quote_word
from mmpipe.unix.inputs import STDIN_PATHS
from mmpipe.writers.details import Detail
from mmpipe.writers.terminal import Role

_LONGEST: Final = 500  # characters of a command that is worth copying
# A descriptor that the shell opened for this command alone, as for `<(...)`.
_DESCRIPTOR: Final = re.compile(r"/(?:dev|proc/[^/]+)/fd/")
# Errors of a write that succeeds once there is space: a full disk, a used quota, the limit of `ulimit -f`.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
KEEP_ANSWERS: Final = "with -o FILE answers are kept, and --resume asks only what is left"


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
    """The command of the run: the words after the name of the program, and the options made of them."""

    words: Sequence[str] = ()
    options: BatchOptions = BatchOptions()

    @property
    def reads_stdin(self) -> bool:
        """True if an input is standard input."""
        return any(named is not None and named.path in STDIN_PATHS for named in self.options.inputs)

    @property
    def resuming(self) -> str | None:
        """The command that continues the run; None if it is unknown, too long, or has a password or a pipe of the shell."""
        if not self.words or self._has_descriptor() or self._has_password():
            return None
        command = format_command(["mmpipe", *self._resuming_words()])
        return command if len(command) <= _LONGEST else None

    @property
    def resuming_in_words(self) -> str:
        """The same as a sentence."""
        if self.options.output.resume:
            return "run the same command again"
        replaced = " in place of --overwrite" if self.options.output.overwrite else ""
        return f"run the same command with --resume{replaced}"

    def _resuming_words(self) -> Iterator[str]:
        """Yield the words with --resume, at the end of the options, and without --overwrite."""
        added = () if self.options.output.resume else ("--resume",)
        rest = iter(self.words[1:] if self.words[0] == "--" else self.words)
        for word in rest:
            if word == "--":
                yield from (*added, word, *rest)
                return
            if word != "--overwrite":
                yield word
            if _precedes_value(word):
                # The value may look like an option.
                yield from islice(rest, 1)
        yield from added

    def _has_password(self) -> bool:
        limiter = self.options.pace.limiter
        return limiter is not None and limiter.has_password(" ".join(self.words))

    def _has_descriptor(self) -> bool:
        options = self.options
        inputs = (named.path for named in options.inputs if named is not None)
        paths = {*inputs, options.service.api_key_file, options.output.meta} - STDIN_PATHS
        return any(path is not None and _DESCRIPTOR.match(path) for path in paths)


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
        space = ", first free some space, then" if self._lacks_space() else ""
        return f"to continue{stdin}{space}: {way}"

    def details(self) -> Iterator[Detail]:
        """The lines below the headline."""
        yield from self._failures()
        if self._can_be_resumed():
            if self._lacks_space():
                yield Detail("first", "free some space", Role.HEADING)
            command = self.command.resuming
            text = command or self.command.resuming_in_words
            yield Detail("to continue", text, Role.HEADING, is_command=command is not None)
            if self.command.reads_stdin:
                yield Detail("", "(with the same standard input)", Role.FAINT)
        elif self.results.journal is None and (self.summary.causes or isinstance(self.error, Interrupted)):
            yield Detail("next time", KEEP_ANSWERS, Role.FAINT)
        if isinstance(self.error, Partial):
            some = "some records have no" if self.summary.has_good else "none of the records has a"
            yield Detail(f"exit status {int(self.error.status)}", f"{some} good answer", Role.FAINT)

    def _failures(self) -> Iterator[Detail]:
        """The number of failures of each kind and the first of them, which text has named already."""
        failures = self.summary.failures
        for cause, number in self.summary.causes.most_common():
            first = None if self.results.format == "text" else failures.get(cause)
            such_as = "" if number == 1 else "such as "
            text = "" if first is None else f"{such_as}{first.name}: {first.message}"
            yield Detail(f"{number} {cause}", text, Role.ERROR)
        if failures and self.results.journal is not None:
            query = f"{_failures_query(self.results)} {quote_path(self.results.journal)}"
            yield Detail("to see them", query, Role.HEADING, is_command=True)

    def _lacks_space(self) -> bool:
        cause = self.error.__cause__ if isinstance(self.error, OutputError) else None
        return isinstance(cause, OSError) and cause.errno in _FULL

    def _can_be_resumed(self) -> bool:
        """True if the same command with --resume would do more than this run."""
        has_begun = bool(self.summary.done) or isinstance(self.error, Interrupted)
        is_final = isinstance(self.error, InputError | UsageError)
        ended = isinstance(self.error, MmpipeError | Interrupted) and not is_final
        return self.results.journal is not None and has_begun and ended


@contextmanager
def report_end(call: BatchCall, output: RunOutput, total: int | None) -> Iterator[None]:
    """Report the end of the run inside: in lines for a person on a terminal, in a sentence and a hint for a log."""
    try:
        yield
    except BaseException as error:
        _report(call, output, total, error)
        raise
    _report(call, output, total, None)


def _report(call: BatchCall, output: RunOutput, total: int | None, error: BaseException | None) -> None:
    journal, console = output.journal, call.console
    results = ResultPlace(call.shown_format)
    if journal is not None:
        line_format = call.options.output.line_format
        results = ResultPlace(line_format, journal.path, has_earlier_lines=len(journal) > 0)
    end = Ending(output.summary, total, error, results, TypedCommand(call.arguments, call.options))
    if console.has_lines:
        console.summarize(end.headline, end.details())
        return
    console.summarize(output.summary.sentence())
    if end.continuation is not None:
        console.hint(end.continuation)


def _failures_query(results: ResultPlace) -> str:
    """Return the call of jq, without its file, that prints the id and the message of each record that has failed."""
    # Each record has its own field for the id. A line of OpenAI has both, of which custom_id is the record's.
    name = ".custom_id // .id"
    error = "(.error // .incomplete)" if results.format == "openai" else ".error"
    # An id or a message may hold characters that control a terminal.
    shown = r'| gsub("\\p{C}"; "?")'
    if not results.has_earlier_lines:
        program = f'select({error}) | "\\({name}): \\({error}.message)" {shown}'
        return f"jq -r {quote_word(program)}"
    # The last line of a record counts.
    latest = f"reduce inputs as $line ({{}}; .[$line | {name}] = ($line | {error}))"
    program = f'{latest} | to_entries[] | select(.value) | "\\(.key): \\(.value.message)" {shown}'
    return f"jq -nr {quote_word(program)}"


def _precedes_value(word: str) -> bool:
    """Return True for an option whose value is the next word, as it is of `-o` and `-ko`, and not of `-oFILE`."""
    valued = _list_valued()
    if word.startswith("--"):
        return word in valued
    letters = word[1:] if word.startswith("-") else ""
    place = next((place for place, letter in enumerate(letters, 1) if f"-{letter}" in valued), None)
    return place == len(letters)


@cache
def _list_valued() -> frozenset[str]:
    """Return the names of the options of `batch` that have a value."""
    groups = (type(getattr(BatchOptions(), field.name)) for field in fields(BatchOptions))
    options = (each for group in groups for each in list_parameters(group))  # type: ignore[arg-type]  # mypy takes it for an instance
    return frozenset(name for each in options if each.metavar for name in each.names)
