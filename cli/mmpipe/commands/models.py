"""`models`: what can be asked, and what it costs."""

from dataclasses import dataclass, fields
from typing import Annotated, Literal

from mmpipe.commands.common import COMMON
from mmpipe.commands.program import Program
from mmpipe.config.options import ServiceOptions
from mmpipe.errors import UsageError
from mmpipe.grammar import Command, Example, OptionGroup, argument, option
from mmpipe.writers.options import Verbosity


@dataclass(frozen=True, slots=True)
class CatalogueOptions(OptionGroup):
    """What is shown of the models."""

    title = "Output"

    model: Annotated[str | None, argument("MODEL", help="Show this model alone.")] = None
    format: Annotated[
        Literal["tsv", "jsonl"] | None,
        option("-F", "--format", help="What is written [a table on a terminal, tsv elsewhere]."),
    ] = None
    json: Annotated[bool, option("--json", help="The same as -F jsonl.")] = False
    header: Annotated[bool, option("--header", help="Begin the tsv with a line of names.")] = False
    live: Annotated[
        bool,
        option("--live", help="Ask the host, and mark what it serves, what is new and what is gone."),
    ] = False


@dataclass(frozen=True, slots=True)
class _ModelsOptions:
    catalogue: CatalogueOptions = CatalogueOptions()
    verbosity: Verbosity = Verbosity()
    service: ServiceOptions = ServiceOptions()


def _list_models(program: Program, options: _ModelsOptions) -> None:
    from mmpipe.models import ModelsOptions, show_models

    catalogue = options.catalogue
    if catalogue.json and catalogue.format == "tsv":
        raise UsageError("--json and -F tsv contradict each other")
    if catalogue.header and (catalogue.json or catalogue.format == "jsonl"):
        raise UsageError("--header is for tsv: JSON has the names in each line")
    chosen = ModelsOptions(
        model=catalogue.model,
        format="jsonl" if catalogue.json else catalogue.format,
        header=catalogue.header,
        live=catalogue.live,
        profile=options.service.profile,
        verbosity=options.verbosity,
        settings={
            field.name: getattr(options.service, field.name)
            for field in fields(options.service)
            if field.name != "profile"
        },
    )
    show_models(chosen, program.streams, program.environment)


MODELS = Command(
    "models",
    "Show what can be asked, and what it costs.",
    _ModelsOptions,
    _list_models,
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
