"""`batch`: many prompts, and a line for each."""

from mmpipe.batch.options import BatchOptions
from mmpipe.commands.common import COMMON
from mmpipe.commands.program import Program
from mmpipe.grammar import Command, Example


def _run(program: Program, options: BatchOptions) -> None:
    if options.output.merge:
        from mmpipe.batch.merge_journals import merge_journals

        merge_journals(options, program.streams, program.environment)
    else:
        from mmpipe.batch.run import run_batch

        run_batch(options, program.streams, program.environment)


BATCH = Command(
    "batch",
    "Ask many prompts, and write a line of JSON for each.",
    BatchOptions,
    _run,
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
