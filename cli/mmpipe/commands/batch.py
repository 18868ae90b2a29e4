"""`batch`: many prompts, and a line for each."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Literal

from mmpipe.api.options import RecordingOptions
from mmpipe.batch.records.formats.table import FormatChoice
from mmpipe.commands.common import COMMON
from mmpipe.commands.pace import Bounds, Pace, batch_bounds, check_numbers
from mmpipe.commands.program import Program
from mmpipe.config.options import RequestOptions, ServiceOptions, SystemMessageOptions
from mmpipe.core.thinking_mode import ThinkingMode
from mmpipe.grammar import Command, Example, OptionGroup, argument, option
from mmpipe.structured.options import ConstraintOptions
from mmpipe.writers.options import Verbosity

if TYPE_CHECKING:
    from mmpipe.batch.options import InputOptions, OutputOptions
    from mmpipe.batch.options import RequestOptions as BatchRequestOptions


@dataclass(frozen=True, slots=True)
class Records(OptionGroup):
    """What is asked."""

    title = "Input"

    files: Annotated[
        tuple[str, ...],
        argument("FILE", help="Files of records, also gzipped; none or `-` is standard input."),
    ] = ()
    input_format: Annotated[
        FormatChoice,
        option("--input-format", help="A prompt a line, or JSON [auto: by the first line]."),
    ] = "auto"
    null: Annotated[bool, option("-0", "--null", help="Records end with NUL, not with a newline.")] = False
    template: Annotated[
        str | None,
        option("--template", metavar="TEXT", help="The prompt; {} is the line, {title} a field of it."),
    ] = None


@dataclass(frozen=True, slots=True)
class Choice(OptionGroup):
    """Which of the records."""

    title = "Input"

    keep_going: Annotated[
        bool, option("--keep-going", help="Ask what can be asked, although lines of a file are bad.")
    ] = False
    limit: Annotated[int | None, option("--limit", metavar="N", help="Ask at most N records.")] = None
    shard: Annotated[
        str | None,
        option("--shard", metavar="I/N", help="Only the Ith of N parts; divides --rpm and --tpm by N."),
    ] = None
    no_dedupe: Annotated[
        bool, option("--no-dedupe", help="Ask identical requests as often as they come, not once.")
    ] = False


@dataclass(frozen=True, slots=True)
class Thoughts(OptionGroup):
    """What becomes of the model's thinking."""

    title = "Thinking"

    thinking: Annotated[
        ThinkingMode | None,
        option("-t", "--thinking", help="In the content, in a field of its own [split], or not at all."),
    ] = None


@dataclass(frozen=True, slots=True)
class Lines(OptionGroup):
    """What is written, and where."""

    title = "Output"

    format: Annotated[
        Literal["jsonl", "openai"],
        option("--format", help="A record a line [jsonl], or as the OpenAI Batch API has it."),
    ] = "jsonl"
    keep_order: Annotated[
        bool, option("-k", "--keep-order", help="In the order of the input; a file is sorted at the end.")
    ] = False
    pass_through: Annotated[
        bool, option("--pass-through", help="Other fields of a record come out too, under input.")
    ] = False
    output: Annotated[
        str | None, option("-o", "--output", metavar="FILE", help="Append to FILE, which is the journal too.")
    ] = None
    resume: Annotated[bool, option("--resume", help="Ask only what has no good answer in FILE.")] = False
    overwrite: Annotated[bool, option("--overwrite", help="Begin FILE anew.")] = False
    allow_truncated: Annotated[
        bool, option("--allow-truncated", help="An answer cut at its token limit is no failure.")
    ] = False
    merge: Annotated[
        bool,
        option(
            "--merge", help="Ask nothing: join the journals FILE..., and check that no record is missing."
        ),
    ] = False
    meta: Annotated[
        str | None,
        option("--meta", metavar="FILE", help="Append one JSON line of totals (/dev/fd/3 works)."),
    ] = None
    progress: Annotated[
        Literal["auto", "bar", "plain", "none"],
        option("--progress", help="A bar [auto: on a terminal], or a line each 30 s."),
    ] = "auto"


@dataclass(frozen=True, slots=True)
class _BatchOptions:
    records: Records
    system: SystemMessageOptions
    choice: Choice
    request: RequestOptions
    thoughts: Thoughts
    lines: Lines
    constraint: ConstraintOptions
    pace: Pace
    bounds: Bounds
    recordings: RecordingOptions
    verbosity: Verbosity
    service: ServiceOptions


def _ask_all(program: Program, options: _BatchOptions) -> None:
    from mmpipe.batch.options import BatchOptions, MergeOptions
    from mmpipe.batch.pace.gcra import Rates

    records, lines, pace, bounds = options.records, options.lines, options.pace, options.bounds
    check_numbers(options.choice.limit, pace, bounds)
    if lines.merge:
        from mmpipe.batch.merge_journals import merge_journals

        joined = MergeOptions(
            records.files, lines.output, lines.keep_order, lines.overwrite, options.verbosity
        )
        merge_journals(joined, program.streams, program.environment)
        return
    from mmpipe.batch.run import run_batch

    typed = {
        field.name: getattr(group, field.name)
        for group in (options.request, options.service)
        for field in fields(group)
        if field.name not in ("param", "native_thinking", "wire", "profile")
    }
    chosen = BatchOptions(
        input=_input(records, options.choice),
        request=_request(options),
        output=_output(lines, options.thoughts),
        concurrency=pace.concurrency,
        rates=Rates(pace.rpm, pace.tpm),
        bounds=batch_bounds(pace, bounds),
        dry_run=bounds.dry_run,
        recordings=options.recordings,
        profile=options.service.profile,
        manners=options.verbosity,
        settings=typed,
    )
    run_batch(chosen, program.streams, program.environment)


def _input(records: Records, choice: Choice) -> "InputOptions":
    from mmpipe.batch.options import InputOptions
    from mmpipe.batch.records.shard import Shard

    return InputOptions(
        files=records.files,
        format=records.input_format,
        separator=b"\0" if records.null else b"\n",
        keep_going=choice.keep_going,
        shard=None if choice.shard is None else Shard.parse(choice.shard),
        limit=choice.limit,
        dedupe=not choice.no_dedupe,
    )


def _request(options: _BatchOptions) -> "BatchRequestOptions":
    from mmpipe.batch.options import RequestOptions as BatchRequestOptions

    return BatchRequestOptions(
        fitting=options.constraint,
        template=options.records.template,
        system=options.system.system,
        system_file=options.system.system_file,
        parameters=options.request.param,
        native_thinking=options.request.native_thinking,
        streamed=options.request.wire == "stream",
    )


def _output(lines: Lines, thoughts: Thoughts) -> "OutputOptions":
    from mmpipe.batch.options import OutputOptions
    from mmpipe.batch.results import ResultFormat

    thinking = thoughts.thinking or "split"
    return OutputOptions(
        form=ResultFormat(lines.format == "openai", thinking == "split", lines.pass_through),
        thinking=thinking,
        keep_order=lines.keep_order,
        path=None if lines.output == "-" else lines.output,
        allow_truncated=lines.allow_truncated,
        resume=lines.resume,
        overwrite=lines.overwrite,
        meta=lines.meta,
        progress=lines.progress,
    )


BATCH = Command(
    "batch",
    "Ask many prompts, and write a line of JSON for each.",
    _BatchOptions,
    _ask_all,
    common=COMMON,
    details="""
        A record is a line: a prompt, a JSON string, or an object with prompt or messages, or of the OpenAI Batch
        API, optionally with id, model, system and parameters. Answers come as they are completed. With -o a run that
        was ended, however it was, is taken up with --resume: what was answered is not asked again.
    """,
    examples=(
        Example(
            "seq 3 | mmpipe batch --template 'Three words about the number {}.'", "A prompt from each line."
        ),
        Example(
            "mmpipe batch topics.txt -o answers.jsonl -j 8 && jq -r .content answers.jsonl",
            "A file in, a journal out; again with --resume after a break.",
        ),
    ),
)
