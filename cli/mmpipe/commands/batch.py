"""`batch`: many prompts, and a line for each."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mmpipe.commands.program import Program
from mmpipe.commands.sections import COMMON, Request, Service, Talk, manners, settings
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Example, Section, argument, option


@dataclass(frozen=True, slots=True)
class Records(Section):
    """What is asked."""

    title = "Input"

    files: Annotated[
        list[str] | None,
        argument("FILE", help="Files of records, also gzipped; none or `-` is standard input."),
    ] = None
    input_format: Annotated[
        Literal["auto", "lines", "jsonl"],
        option("--input-format", help="A prompt a line, or JSON [auto: by the first line]."),
    ] = "auto"
    null: Annotated[bool, option("-0", "--null", help="Records end with NUL, not with a newline.")] = False
    template: Annotated[
        str | None,
        option("--template", metavar="TEXT", help="The prompt; {} is the line, {title} a field of it."),
    ] = None
    system: Annotated[str | None, option("-s", "--system", metavar="TEXT", help="The system message.")] = None
    keep_going: Annotated[
        bool, option("--keep-going", help="Ask what can be asked, although lines of a file are bad.")
    ] = False


@dataclass(frozen=True, slots=True)
class Thoughts(Section):
    """What becomes of the model's thinking."""

    title = "Thinking"

    thinking: Annotated[
        Literal["show", "split", "hide"] | None,
        option("-t", "--thinking", help="In the content, in a field of its own [split], or not at all."),
    ] = None


@dataclass(frozen=True, slots=True)
class Lines(Section):
    """What is written, and where."""

    title = "Output"

    format: Annotated[
        Literal["jsonl", "openai"],
        option("--format", help="A record a line [jsonl], or as the OpenAI Batch API has it."),
    ] = "jsonl"
    keep_order: Annotated[bool, option("-k", "--keep-order", help="In the order of the input.")] = False
    pass_through: Annotated[
        bool, option("--pass-through", help="Other fields of a record come out too, under input.")
    ] = False
    output: Annotated[
        str | None, option("-o", "--output", metavar="FILE", help="Append to FILE, which is the journal too.")
    ] = None
    resume: Annotated[bool, option("--resume", help="Ask only what has no good answer in FILE.")] = False
    overwrite: Annotated[bool, option("--overwrite", help="Begin FILE anew.")] = False


@dataclass(frozen=True, slots=True)
class Pace(Section):
    """How fast."""

    title = "Pace"

    concurrency: Annotated[
        int, option("-j", "--concurrency", metavar="N", help="Most requests at once [32].")
    ] = 32
    rpm: Annotated[float | None, option("--rpm", metavar="N", help="Most requests a minute.")] = None
    tpm: Annotated[float | None, option("--tpm", metavar="N", help="Most tokens a minute.")] = None


def _ask_all(
    program: Program,
    records: Records,
    request: Request,
    thoughts: Thoughts,
    lines: Lines,
    pace: Pace,
    talk: Talk,
    service: Service,
) -> int:
    from mmpipe.batch.limits import Rates
    from mmpipe.batch.outcomes import Form
    from mmpipe.batch.run import BatchOptions

    for name, value in (("-j", pace.concurrency), ("--rpm", pace.rpm), ("--tpm", pace.tpm)):
        if value is not None and not value >= 1:
            raise UsageError(f"{name} is {value}: it must be at least 1")
    thinking = thoughts.thinking or "split"
    chosen = BatchOptions(
        files=tuple(records.files or ()),
        input_format=records.input_format,
        separator=b"\0" if records.null else b"\n",
        template=records.template,
        system=records.system,
        parameters=tuple(request.param or ()),
        native_thinking=request.native_thinking,
        streamed=request.wire == "stream",
        thinking=thinking,
        form=Form(
            lines.format == "openai", with_thinking=thinking == "split", pass_through=lines.pass_through
        ),
        keep_order=lines.keep_order,
        keep_going=records.keep_going,
        output=lines.output,
        resume=lines.resume,
        overwrite=lines.overwrite,
        concurrency=pace.concurrency,
        rates=Rates(pace.rpm, pace.tpm),
        profile=service.profile,
        manners=manners(talk),
        settings=settings(request, service),
    )
    return program.batch(chosen, program.streams, program.environment)


BATCH = Command(
    "batch",
    "Ask many prompts, and write a line of JSON for each.",
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
