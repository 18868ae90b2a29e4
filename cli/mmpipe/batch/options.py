"""The options of `batch`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated

from mmpipe.api.options import EngineOptions, RecordingOptions
from mmpipe.batch.journal.result_format import JournalFormat, ResultFormat
from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.batch.pace.estimate import DEFAULT_TOKENS
from mmpipe.batch.records.formats.names import FormatChoice
from mmpipe.batch.shard import Shard
from mmpipe.config.limiter_address import LimiterAddress
from mmpipe.config.options import EncodingOptions, RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.grammar import OptionGroup, argument, option
from mmpipe.structured.options import ConstraintOptions
from mmpipe.unix.inputs import NamedInput
from mmpipe.writers.options import ProgressMode, Verbosity


@dataclass(frozen=True, slots=True)
class RecordOptions(OptionGroup):
    """The records, and how each becomes a prompt."""

    title = "Input"

    files: Annotated[
        tuple[str, ...],
        argument(
            "FILE", help="Files of records, also packed (gzip, bzip2, xz); none or `-` is standard input."
        ),
    ] = ()
    input_format: Annotated[
        FormatChoice,
        option("--input-format", help="A prompt a line, JSON, or a table [auto: by name, then by content]."),
    ] = "auto"
    null: Annotated[bool, option("-0", "--null", help="Records end with NUL, not with a newline.")] = False
    template: Annotated[
        str | None,
        option("--template", metavar="TEXT", help="The prompt; {} is the record, {title} a field of it."),
    ] = None
    id_field: Annotated[
        str | None,
        option("--id-field", metavar="NAME", help="The field that is a record's id [custom_id or id]."),
    ] = None


@dataclass(frozen=True, slots=True)
class OverrideOptions(OptionGroup):
    """The fields of all requests, whatever their records say."""

    title = "Request"

    set: Annotated[
        tuple[str, ...],
        option(
            "--set", metavar="KEY=VALUE", help="A field of every request, over its record's; null removes it."
        ),
    ] = ()


@dataclass(frozen=True, slots=True)
class SelectionOptions(OptionGroup):
    """The records that are asked."""

    title = "Input"

    keep_going: Annotated[
        bool, option("--keep-going", help="Ask the valid records although others are invalid.")
    ] = False
    limit: Annotated[
        int | None, option("--limit", metavar="N", at_least=0, help="Ask at most N records.")
    ] = None
    shard: Annotated[
        Shard | None,
        option(
            "--shard",
            metavar="I/N",
            help="Only the Ith of N parts (1 to N, or 0 to N-1); without --limiter divides --rpm and --tpm by N.",
        ),
    ] = None
    no_dedupe: Annotated[
        bool, option("--no-dedupe", help="Send identical requests as often as they occur, not once.")
    ] = False


@dataclass(frozen=True, slots=True)
class ResultThinkingOptions(OptionGroup):
    """The place of the model's thinking in results."""

    title = "Thinking"

    thinking: Annotated[
        ThinkingMode,
        option("-t", "--thinking", help="In the content, in a field of its own [{default}], or not at all."),
    ] = "split"


@dataclass(frozen=True, slots=True)
class ResultOptions(OptionGroup):
    """The format and the place of the results."""

    title = "Output"

    format: Annotated[
        ResultFormat | None,
        option(
            "-F",
            "--format",
            help="Lines [jsonl], those of the OpenAI Batch API, the answers' text [on a terminal], or a table.",
        ),
    ] = None
    keep_order: Annotated[
        bool, option("-k", "--keep-order", help="In the order of the input; a file is sorted at the end.")
    ] = False
    pass_through: Annotated[
        bool, option("--pass-through", help="Copy the other fields of a record to its result, under input.")
    ] = False
    output: Annotated[
        str | None,
        option(
            "-o",
            "--output",
            metavar="FILE",
            help="Append to FILE, which is the journal too.",
        ),
    ] = None
    resume: Annotated[
        bool, option("--resume", help="Ask only the records without a good answer in FILE.")
    ] = False
    overwrite: Annotated[bool, option("--overwrite", help="Replace the content of FILE.")] = False
    allow_truncated: Annotated[
        bool, option("--allow-truncated", help="An answer cut off at its token limit is no failure.")
    ] = False
    merge: Annotated[
        bool,
        option(
            "--merge",
            help="Ask nothing: join journals, files or folders of them, and check that no record is missing.",
        ),
    ] = False
    meta: Annotated[
        str | None,
        option("--meta", metavar="FILE", help="Append one JSON line of totals (/dev/fd/3 works)."),
    ] = None
    progress: Annotated[
        ProgressMode,
        option("--progress", help="A bar [auto: on a terminal], or a line each 30 s."),
    ] = "auto"

    @property
    def path(self) -> str | None:
        """The file of the results; None is standard output."""
        return None if self.output == "-" else self.output

    @property
    def line_format(self) -> JournalFormat:
        """The format of the result lines, of which text and tables are made."""
        return "openai" if self.format == "openai" else "jsonl"

    @property
    def wanted_lines(self) -> JournalFormat | None:
        """The format that joined lines must have; None for any."""
        return None if self.format is None or self.format in ("text", "csv") else self.line_format

    def shown_format(self, *, is_terminal: bool) -> ResultFormat:
        """Return the format of the output; raises UsageError for a journal that is none of lines."""
        if self.path is not None and not self.merge and self.format in ("text", "csv"):
            raise UsageError(
                f"-F {self.format}: FILE of -o is a journal, of lines",
                hint=f"afterwards `mmpipe batch --merge FILE -F {self.format}` prints it so",
            )
        is_read_by_people = is_terminal and self.path is None and not self.merge
        return self.format or ("text" if is_read_by_people else "jsonl")


@dataclass(frozen=True, slots=True)
class PaceOptions(OptionGroup):
    """The speed of a run."""

    title = "Pace"

    concurrency: Annotated[
        int,
        option("-j", "--concurrency", metavar="N", at_least=1, help="Most requests at once [{default}]."),
    ] = 32
    rpm: Annotated[
        float | None,
        option("--rpm", metavar="N", at_least=1, help="Most requests a minute, of all runs here together."),
    ] = None
    tpm: Annotated[
        float | None,
        option("--tpm", metavar="N", at_least=1, help="Most tokens a minute, in and out, likewise."),
    ] = None
    limiter: Annotated[
        LimiterAddress | None,
        option(
            "--limiter",
            metavar="ADDRESS",
            help="A Redis server that keeps these limits for all hosts: redis://HOST[:PORT][/DB].",
        ),
    ] = None
    max_wait: Annotated[
        float,
        option(
            "--max-wait",
            metavar="DURATION",
            at_least=0,
            help="Longest wait for a pause of the service, --rpm and --tpm, --limiter, or workers of --engine ray [{default}].",
        ),
    ] = 600.0


@dataclass(frozen=True, slots=True)
class LimitOptions(OptionGroup):
    """The limits at which a run ends by itself, in records, dollars and seconds; None is no limit."""

    title = "Bounds"

    max_errors: Annotated[
        ErrorLimit | None,
        option("--max-errors", metavar="N|P%", help="End the run when more records than this failed."),
    ] = None
    max_cost: Annotated[
        float | None,
        option(
            "--max-cost",
            metavar="DOLLARS",
            at_least=0,
            help="End the run before its answers cost more; without --max-tokens an estimate.",
        ),
    ] = None
    deadline: Annotated[
        float | None,
        option(
            "--deadline",
            metavar="DURATION",
            at_least=0,
            help="End the run after this time; --max-time limits one record.",
        ),
    ] = None
    grace: Annotated[
        float,
        option(
            "--grace",
            metavar="DURATION",
            at_least=0,
            help="Longest wait for answers in flight when a run ends early [{default}].",
        ),
    ] = 5.0
    dry_run: Annotated[
        bool, option("--dry-run", help="Ask nothing: check every record, and estimate the cost.")
    ] = False
    assume_tokens: Annotated[
        int,
        option(
            "--assume-tokens",
            metavar="N",
            at_least=1,
            help="Tokens of an answer, thinking included, before any was seen [{default}].",
        ),
    ] = DEFAULT_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """All options of one batch."""

    records: RecordOptions = RecordOptions()
    encoding: EncodingOptions = EncodingOptions()
    system: SystemMessageOptions = SystemMessageOptions()
    selection: SelectionOptions = SelectionOptions()
    request: RequestOptions = RequestOptions()
    overrides: OverrideOptions = OverrideOptions()
    thinking: ResultThinkingOptions = ResultThinkingOptions()
    output: ResultOptions = ResultOptions()
    constraint: ConstraintOptions = ConstraintOptions()
    pace: PaceOptions = PaceOptions()
    engine: EngineOptions = EngineOptions()
    limits: LimitOptions = LimitOptions()
    recordings: RecordingOptions = RecordingOptions()
    verbosity: Verbosity = Verbosity()
    service: ServiceOptions = ServiceOptions()

    @property
    def inputs(self) -> Iterator[NamedInput | None]:
        """All inputs; without a file the records are standard input."""
        yield from (self.constraint.input, self.system.input)
        yield from (NamedInput("FILE", path) for path in self.records.files)
        if not self.records.files:
            yield NamedInput("the records", "-")

    def with_files(self, resolve: Callable[[str], str]) -> "BatchOptions":
        """Return the options with other names for the files of records."""
        return replace(self, records=replace(self.records, files=tuple(map(resolve, self.records.files))))
