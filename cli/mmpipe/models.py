"""Shows what can be asked and what it costs: a table for a person, TSV or JSON for a script."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from mmpipe.catalogue import Model, find, load
from mmpipe.errors import Rejected
from mmpipe.streams import Output, Streams
from mmpipe.visible import visible

# Column: how it is headed. Prices are dollars for a million tokens of the smallest prompts.
_COLUMNS = (
    "id",
    "context",
    "max_output",
    "tps",
    "input",
    "output",
    "cache_read",
    "images",
    "thinking",
    "note",
)


@dataclass(frozen=True, slots=True)
class ModelsOptions:
    """What was typed after `mmpipe models`."""

    model: str | None = None
    format: str | None = None
    header: bool = False


def models(options: ModelsOptions, streams: Streams, environment: Mapping[str, str]) -> None:
    """Write the catalogue, or one model of it; raises Rejected for a model that it does not know."""
    chosen = load() if options.model is None else (_one(options.model),)
    if options.format == "jsonl":
        for model in chosen:
            _write(streams.stdout, json.dumps(asdict(model), ensure_ascii=False, default=str))
    elif streams.stdout.is_terminal and options.format is None:
        _write(streams.stdout, _table(chosen, environment))
    else:
        rows = ([_COLUMNS] if options.header else []) + [_row(model) for model in chosen]
        for row in rows:
            _write(streams.stdout, "\t".join(row))


def _one(name: str) -> Model:
    model = find(name)
    if model is None:
        raise Rejected(
            f"{name} is not in the catalogue; the service may know it all the same: try it with -m"
        )
    return model


def _row(model: Model) -> Sequence[str]:
    price = model.prices[0]
    numbers = (model.context, model.max_output, model.tps, price.input, price.output, price.cache_read)
    note = f"{model.description}; {model.retired}" if model.retired else model.description
    images = "images" if model.images else ""
    return (
        model.id,
        *("" if number is None else f"{number}" for number in numbers),
        images,
        model.thinking,
        note,
    )


def _table(chosen: Iterable[Model], environment: Mapping[str, str]) -> str:
    """Drawn by rich into a text; its colours follow NO_COLOR and TERM by themselves."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _COLUMNS[1:7] else "left", overflow="fold")
    for model in chosen:
        table.add_row(*map(visible, _row(model)))
    console = Console(markup=False, highlight=False, _environ=environment)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")


def _write(output: Output, line: str) -> None:
    output.write(f"{line}\n".encode())
