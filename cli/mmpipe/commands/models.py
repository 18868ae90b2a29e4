"""`models`: the models, their limits and their prices."""

from mmpipe.commands.common import COMMON
from mmpipe.commands.program import Program
from mmpipe.grammar import Command, Example
from mmpipe.models.options import ModelsOptions


def _run(program: Program, options: ModelsOptions) -> None:
    from mmpipe.models.listing import show_models

    show_models(options, program.streams, program.environment)


MODELS = Command(
    "models",
    "Show what can be asked, and what it costs.",
    ModelsOptions,
    _run,
    common=COMMON,
    details="""
        A table on a terminal, as far as it is wide; elsewhere lines with a tab between the columns: id; context and
        max_output, in tokens; tps, in tokens a second; input, output and cache_read, in US dollars for a million
        tokens of the smallest prompts (--json has all prices); images, if it takes them; thinking, which is always,
        switch (-p thinking says) or adaptive; ends, the day on which it was said to end; note; and live, with --live:
        served, new (not in the catalogue) or gone. Empty is what is not known.
    """,
    examples=(
        Example("mmpipe models | cut -f 1,5,6", "Names, and prices in and out."),
        Example("mmpipe models --json MiniMax-M3 | jq .context", "One model, as JSON."),
    ),
)
