"""`models`: the models, their limits and their prices."""

from mmpipe.commands.general_options import GENERAL
from mmpipe.commands.program import Program
from mmpipe.commands.summaries import SUMMARIES
from mmpipe.grammar import Command, Example
from mmpipe.models.options import ModelsOptions


def _run(program: Program, options: ModelsOptions) -> None:
    if options.listing.check:
        from mmpipe.models.connection_check import check_connection

        check_connection(options, program.streams, program.environment)
        return
    from mmpipe.models.listing import show_models

    show_models(options, program.streams, program.environment)


MODELS = Command(
    "models",
    SUMMARIES["models"],
    ModelsOptions,
    _run,
    common=GENERAL,
    details="""
        A table on a terminal, as wide as it; elsewhere lines with a tab between the columns: id; context and
        max_output, in tokens; tps, in tokens a second; input, output and cache_read, in US dollars per million
        tokens of the smallest prompts (--json has all prices); images, if the model takes them; thinking: always,
        switch (by -p thinking) or adaptive; ends, the announced last day; note; and with --live, live: served, new
        (not in the catalogue) or gone. An unknown value is empty. With --live and a host that is not MiniMax's, only
        the models that it lists are shown.

        --check shows, one a line with a tab after the name: key, its place and never the key itself; host and proxy,
        each with its place; dns, connect, tls and answer, in milliseconds; accepted, whether the host takes the key;
        models, the number of those that it serves; gone and new, compared with the catalogue; and model, the one that
        would be asked, and served, whether the host has it; at the end each error. A step that failed or was not
        reached is empty, and the status is that of the first error.
    """,
    examples=(
        Example("mmpipe models | cut -f 1,5,6", "Names, and prices in and out."),
        Example("mmpipe models --check", "Is the key right, and the service in reach?"),
        Example("mmpipe models --json MiniMax-M3 | jq .context", "One model, as JSON."),
    ),
)
