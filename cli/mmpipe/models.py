"""Shows what can be asked and what it costs: a table for a person, TSV or JSON for a script.

It is the catalogue that is shown; with `live`, compared with what the host serves.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from mmpipe.core.catalogue import Model, Price, load_models
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError, Rejected, UsageError
from mmpipe.text.suggestions import suggest
from mmpipe.text.visible import one_line, visible, visible_json
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console, Verbosity
from mmpipe.writers.table import TableStyle, format_table
from mmpipe.writers.terminal import terminal_width, wants_style

if TYPE_CHECKING:
    from mmpipe.api.attempt import Observer

# Names of columns, and what they hold; prices are dollars for a million tokens of the smallest prompts.
_COLUMNS: Mapping[str, Callable[[Model], object]] = {
    "id": lambda model: model.id,
    "context": lambda model: model.context,
    "max_output": lambda model: model.max_output,
    "tps": lambda model: model.tps,
    "input": lambda model: model.price(0).input,
    "output": lambda model: model.price(0).output,
    "cache_read": lambda model: model.price(0).cache_read,
    "images": lambda model: "images" if model.images else None,
    "thinking": lambda model: model.thinking,
    "ends": lambda model: model.ends,
    "note": lambda model: model.description,
}
_NUMBERS = ("context", "max_output", "tps", "input", "output", "cache_read")
# Columns that a narrow terminal drops, in this order.
_OPTIONAL = (
    "note",
    "tps",
    "cache_read",
    "max_output",
    "images",
    "thinking",
    "output",
    "input",
    "context",
    "ends",
)
# The record of a model of which nothing is known; a price that is not known is none, and never 0.
_UNKNOWN: Mapping[str, object] = {
    **{each.name: None for each in fields(Model)},
    "ignored": [],
    "prices": [],
}


@dataclass(frozen=True, slots=True)
class ModelsOptions:
    """What was typed after `mmpipe models`; the host is asked only if it is to be `live`."""

    model: str | None = None
    format: str | None = None
    header: bool = False
    live: bool = False
    profile: str | None = None
    manners: Verbosity = Verbosity()
    settings: Mapping[str, object] = field(default_factory=dict)


# What asks the host once: api.client's `list_models`, or a test's.
ListModels: TypeAlias = Callable[[Endpoint, Limits, "Observer"], Sequence[str]]


def _list_models(endpoint: Endpoint, limits: Limits, observer: "Observer") -> Sequence[str]:
    # Imported here, like everything that the catalogue alone does not need.
    from mmpipe.api.client import list_models

    return list_models(endpoint, limits, observer)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model to be shown: what is known of it, if anything, and how the host stands to it, if that was asked."""

    id: str
    model: Model | None
    live: Literal["served", "new", "gone"] | None = None


def models(
    options: ModelsOptions,
    streams: Streams,
    environment: Mapping[str, str],
    list_models: ListModels = _list_models,
) -> None:
    """Write the models, or one of them; raises UsageError or Rejected for one that nobody knows."""
    entries = [_Entry(model.id, model) for model in load_models()]
    if options.live:
        entries = _compared(entries, _served(options, streams, environment, list_models))
    if options.model is not None:
        entries = [_one(options.model, entries, live=options.live)]
    columns = (*_COLUMNS, "live") if options.live else tuple(_COLUMNS)
    if options.format == "jsonl":
        for entry in entries:
            _write(streams.stdout, _json(entry, streams.stdout))
    elif streams.stdout.is_terminal and options.format is None:
        if options.model is None:
            text = _table(columns, entries, streams.stdout, environment)
        else:
            text = "\n".join(_sheet(entries[0]))
        _write(streams.stdout, text)
    else:
        for row in ([columns] if options.header else []) + [_row(entry) for entry in entries]:
            _write(streams.stdout, "\t".join(row))


def _served(
    options: ModelsOptions, streams: Streams, environment: Mapping[str, str], list_models: ListModels
) -> Sequence[str]:
    """The ids that the host lists; asked again where that may help."""
    from mmpipe.api.attempt import Observer
    from mmpipe.config.settings import Settings
    from mmpipe.retrying import RetryLoop, announce_endpoint
    from mmpipe.unix.signals import raise_interrupts

    with raise_interrupts(), Console(streams, options.manners, environment) as console:
        settings = Settings(options.settings, environment, options.profile)
        patience = settings.patience()
        endpoint = announce_endpoint(settings, console)
        persistence = RetryLoop(patience, streams.stdout, console)
        observer = Observer(look=persistence.look, note=console.note)
        attempt = 1
        while True:
            try:
                return list_models(endpoint, persistence.limits, observer)
            except MmpipeError as error:
                delay = persistence.delay(error, attempt)
                if delay is None:
                    raise
                persistence.wait(delay, error, attempt)
            attempt += 1


def _compared(known: Sequence[_Entry], served: Iterable[str]) -> list[_Entry]:
    """What is known in its own order, then what only the host knows in the host's; a name is the same in any case."""
    names = {entry.id.lower() for entry in known}
    hosted: dict[str, str] = {}
    for name in served:
        hosted.setdefault(name.lower(), name)
    return [
        *(
            _Entry(entry.id, entry.model, "served" if entry.id.lower() in hosted else "gone")
            for entry in known
        ),
        *(_Entry(name, None, "new") for lower, name in hosted.items() if lower not in names),
    ]


def _one(name: str, entries: Sequence[_Entry], *, live: bool) -> _Entry:
    found = next((entry for entry in entries if entry.id.lower() == name.lower()), None)
    if found is not None:
        return found
    guess = suggest(name, (entry.id for entry in entries))
    shown = one_line(repr(name), 100)
    if live:
        raise Rejected(f"{shown} is not in the catalogue, and the host does not serve it{guess}")
    otherwise = "; the service may know it: try it with `mmpipe chat -m`, or ask with --live"
    raise UsageError(f"{shown} is not in the catalogue{guess or otherwise}")


def _row(entry: _Entry) -> tuple[str, ...]:
    facts = [None if entry.model is None else of(entry.model) for of in _COLUMNS.values()]
    live = () if entry.live is None else (entry.live,)
    # Whatever the host calls a model, it is one cell of one line.
    return (one_line(entry.id), *("" if fact is None else f"{fact}" for fact in facts[1:]), *live)


def _table(
    columns: Sequence[str], entries: Iterable[_Entry], output: Output, environment: Mapping[str, str]
) -> str:
    # The note is the one that may be broken into lines, and so stands last.
    order = [place for place, name in enumerate(columns) if name != "note"] + [columns.index("note")]
    rows = [_row(entry) for entry in entries]
    style = TableStyle(
        width=terminal_width(output, environment),
        bold=wants_style(environment),
        numbers=_NUMBERS,
        optional=_OPTIONAL,
    )
    return format_table(
        [columns[place] for place in order], [[row[place] for place in order] for row in rows], style
    )


def _json(entry: _Entry, output: Output) -> str:
    line = json.dumps(_record(entry), ensure_ascii=False, default=str)
    return visible_json(line) if output.is_terminal else line


def _record(entry: _Entry) -> dict[str, object]:
    known = {**_UNKNOWN, "id": entry.id} if entry.model is None else asdict(entry.model)
    return known if entry.live is None else {**known, "live": entry.live}


def _sheet(entry: _Entry) -> Iterator[str]:
    """All that is known of one model, a line for each fact."""
    for name, value in _record(entry).items():
        match value:
            case None | () | []:
                pass
            case bool():
                yield _fact(name, "yes" if value else "no")
            case tuple() if entry.model is not None and name == "prices":
                yield from map(_price, entry.model.prices)
            case tuple():
                yield _fact(name, ", ".join(value))
            case _:
                yield _fact(name, f"{value}")


def _fact(name: str, value: str) -> str:
    return f"{name.replace('_', ' '):24} {visible(value)}"


def _price(price: Price) -> str:
    parts = (
        (price.input, "in"),
        (price.output, "out"),
        (price.cache_read, "from the cache"),
        (price.cache_write, "into it"),
    )
    costs = ", ".join(f"{dollars} {what}" for dollars, what in parts if dollars is not None)
    upper = "" if price.up_to is None else f" (prompts of up to {price.up_to} tokens)"
    return _fact("dollars a million tokens", f"{costs}{upper}")


def _write(output: Output, line: str) -> None:
    # Half a surrogate pair becomes the escape that JSON has for it; elsewhere it was made visible.
    output.write(f"{line}\n".encode(errors="backslashreplace"))
