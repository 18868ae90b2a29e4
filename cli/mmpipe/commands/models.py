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
    "List the models, with their limits and prices.",
    ModelsOptions,
    _run,
    common=COMMON,
    details="""
        A table on a terminal, as wide as it; elsewhere lines with a tab between the columns: id; context and
        max_output, in tokens; tps, in tokens a second; input, output and cache_read, in US dollars per million
        tokens of the smallest prompts (--json has all prices); images, if the model takes them; thinking: always,
        switch (by -p thinking) or adaptive; ends, the announced last day; note; and with --live, live: served, new
        (not in the catalogue) or gone. An unknown value is empty. With --live and a host that is not MiniMax's, only
        the models that it lists are shown.
    """,
    examples=(
        Example("mmpipe models | cut -f 1,5,6", "Names, and prices in and out."),
        Example("mmpipe models --json MiniMax-M3 | jq .context", "One model, as JSON."),
    ),
)
