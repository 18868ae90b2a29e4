"""`batch`: many prompts, and a line for each."""

from mmpipe.batch.options import BatchOptions
from mmpipe.commands.general_options import GENERAL
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.grammar import Command, Example
from mmpipe.unix.collector import wake_collector
from mmpipe.unix.library_logs import silence_libraries


def _run(program: Program, options: BatchOptions) -> None:
    silence_libraries()
    if options.output.merge:
        from mmpipe.batch.merge_journals import merge_journals

        wake_collector()
        merge_journals(options, program.streams, program.environment)
    else:
        from mmpipe.batch.run import run_batch

        wake_collector()
        run_batch(options, program.streams, program.environment, arguments=program.arguments)


BATCH = Command(
    "batch",
    SUMMARIES["batch"],
    BatchOptions,
    _run,
    common=GENERAL,
    details="""
        A record is a line: a prompt, a JSON string, an object with prompt or messages, or an object of the OpenAI
        Batch API. An object may also have id, model, system, parameters and images: a list of paths (from the current
        folder) and URLs; with --template inside parameters. Results are written as they complete.
        After any end of a run with -o, --resume continues it: answered records are not sent again.
    """,
    most_used=("-o", "--resume", "--template", "-j", "--dry-run"),
    examples=(
        Example(
            "seq 3 | mmpipe batch --template 'Three words about the number {}.'", "A prompt from each line."
        ),
        Example(
            "mmpipe batch topics.txt -o answers.jsonl -j 8 && jq -r .content answers.jsonl",
            "A file in, a journal out; --resume continues it after a break.",
        ),
    ),
)
