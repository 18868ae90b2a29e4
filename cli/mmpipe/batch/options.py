"""What was typed after `mmpipe batch`, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmpipe.api.options import RecordingOptions
from mmpipe.batch.pace.budgets import RunLimits
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.records.formats.record_format import NEWLINE
from mmpipe.batch.records.formats.table import FormatChoice
from mmpipe.batch.records.shard import Shard
from mmpipe.batch.results import ResultFormat
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.structured.options import ConstraintOptions
from mmpipe.writers.options import Verbosity
from mmpipe.writers.progress import ProgressMode


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """Which records are asked; without `dedupe` identical requests are asked as often as they come."""

    files: Sequence[str] = ()
    format: FormatChoice = "auto"
    separator: bytes = NEWLINE
    keep_going: bool = False
    shard: Shard | None = None
    limit: int | None = None
    dedupe: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What is asked where a record does not say otherwise."""

    template: str | None = None
    system: str | None = None
    system_file: str | None = None
    parameters: tuple[str, ...] = ()
    native_thinking: bool = False
    streamed: bool = False
    fitting: ConstraintOptions = ConstraintOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Where lines go, and which."""

    form: ResultFormat = ResultFormat()
    thinking: ThinkingMode = "split"
    keep_order: bool = False
    path: str | None = None
    resume: bool = False
    overwrite: bool = False
    allow_truncated: bool = False
    meta: str | None = None
    progress: ProgressMode = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """All of it; `settings` are the options that a configuration file may hold too."""

    input: InputOptions = InputOptions()
    request: RequestOptions = RequestOptions()
    output: OutputOptions = OutputOptions()
    concurrency: int = 32
    rates: Rates = Rates()
    bounds: RunLimits = RunLimits()
    dry_run: bool = False
    recordings: RecordingOptions = RecordingOptions()
    profile: str | None = None
    manners: Verbosity = Verbosity()
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """Journals to be joined into `output`, or to standard output."""

    paths: tuple[str, ...]
    output: str | None = None
    in_order: bool = False
    overwrite: bool = False
    manners: Verbosity = Verbosity()
