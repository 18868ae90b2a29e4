"""List the models with their limits and prices: a table on a terminal, TSV or JSON for scripts.

The models are those of the catalogue. `live` compares them with the list of a host of MiniMax; of any other host it
lists what that host serves. Prices and end dates are those of MiniMax: of models at another host they are unknown.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, assert_never

from mmpipe.config.config_file import locate_config
from mmpipe.core.catalogue import Model, Price, find_model, load_models
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.host_identity import follows_catalogue, identify_endpoint
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.dataclass import dataclass
from mmpipe.errors import MmpipeError, Rejected, UsageError
from mmpipe.models.model_table import ModelTable
from mmpipe.models.options import ModelsOptions
from mmpipe.text.suggestions import suggest
from mmpipe.text.visible import one_line, visible, visible_json
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.watch import OutputWatch

if TYPE_CHECKING:
    from mmpipe.api.answer.model_list import ModelList
    from mmpipe.api.attempt import Observer

# Columns and their values; prices are dollars for a million tokens, of the smallest prompts.
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
# Names among which a similar one is looked for, and characters of a name: the comparison is slow.
_MOST_GUESSES: Final = 1000
_LONGEST_GUESS: Final = 100
# The record of a model outside the catalogue. An unknown price is left out, and never 0.
_UNKNOWN: Mapping[str, object] = {
    **{each.name: None for each in fields(Model)},
    "ignored": [],
    "efforts": [],
    "prices": [],
    "prices_yuan": [],
}
# Asks the host once: `list_models` of api.client, or that of a test.
ListModels: TypeAlias = Callable[[Endpoint, Limits, "Observer"], "ModelList"]


def list_models_of(endpoint: Endpoint, limits: Limits, observer: "Observer") -> "ModelList":
    """Ask the host for its models, once."""
    # Imported here, because the catalogue alone does not need the client.
    from mmpipe.api.client import list_models

    return list_models(endpoint, limits, observer)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of the list: its facts, if the catalogue has it, and its state at the host, with `live`."""

    id: str
    model: Model | None
    live: Literal["served", "new", "gone"] | None = None


def show_models(
    options: ModelsOptions,
    streams: Streams,
    environment: Mapping[str, str],
    list_models: ListModels = list_models_of,
) -> None:
    """Write the models, or the one asked for. Raises UsageError or Rejected for an unknown model."""
    entries = [ListedModel(model.id, model) for model in load_models()]
    listing = options.listing
    if listing.live:
        entries = _list_live(options, streams, environment, list_models)
    elif not _follows_catalogue(options, environment):
        entries = _without_prices(entries)
    if listing.model is not None:
        entries = [_find_entry(listing.model, entries, live=listing.live)]
    columns = (*_COLUMNS, "live") if listing.live else tuple(_COLUMNS)
    out = streams.stdout
    match listing.chosen_format or (None if out.is_terminal else "tsv"):
        case None if listing.model is None:
            out.draw(f"{_table(columns, entries, out, environment)}\n")
        case None:
            _write(out, "\n".join(_fact_lines(entries[0])))
        case "tsv":
            for row in ([columns] if listing.header else []) + [_row(entry) for entry in entries]:
                _write(out, "\t".join(row))
        case "jsonl":
            for entry in entries:
                _write(out, _json(entry, out))
        case unknown:
            assert_never(unknown)


def _list_live(
    options: ModelsOptions, streams: Streams, environment: Mapping[str, str], list_models: ListModels
) -> list[ListedModel]:
    """Ask the host, and return its models; for a host of MiniMax with those of the catalogue."""
    from mmpipe.config.settings import Settings
    from mmpipe.unix.inputs import Inputs
    from mmpipe.unix.signals import raise_interrupts

    with raise_interrupts(), Console(streams, options.verbosity, environment) as console:
        settings = Settings.read(environment, options.service)
        timeouts = settings.timeouts()
        endpoint = settings.endpoint(Inputs(streams.stdin, [settings.key_file]))
        console.announce(endpoint, settings.explain())
        watch = OutputWatch(streams.stdout, console)
        found = _ask(partial(list_models, endpoint), timeouts, watch)
        for sentence in _faults(found):
            console.warn(sentence)
    if endpoint.is_minimax:
        return compare_models(load_models(), found.ids)
    served = _only_served(found.ids)
    return served if follows_catalogue(identify_endpoint(endpoint)) else _without_prices(served)


def _follows_catalogue(options: ModelsOptions, environment: Mapping[str, str]) -> bool:
    """Return False if another host than MiniMax's would be asked. Raises UsageError for an invalid one that is typed.

    Without a usable configuration no host would be asked, and the catalogue is shown as it is.
    """
    service = options.service
    is_typed = service.base_url is not None or service.profile is not None
    is_set = any(map(environment.get, ("MINIMAX_BASE_URL", "OPENAI_BASE_URL")))
    # Path raises an error.
    if not (is_typed or is_set or os.path.exists(locate_config(environment) or "")):  # noqa: PTH110
        return True
    from mmpipe.config.settings import Settings

    try:
        return follows_catalogue(Settings.read(environment, service).identify_host())
    except UsageError:
        if is_typed:
            raise
        return True


def _without_prices(entries: Iterable[ListedModel]) -> list[ListedModel]:
    """Return the models as another host than MiniMax's serves them: at prices, speeds and end dates of its own."""
    unknown: Mapping[str, Any] = {
        "prices": (), "prices_yuan": (), "ends": None, "tps": None, "rpm": None, "tpm": None,
    }  # fmt: skip
    return [
        entry if entry.model is None else replace(entry, model=replace(entry.model, **unknown))
        for entry in entries
    ]


def _ask(
    ask: Callable[[Limits, "Observer"], "ModelList"], timeouts: Timeouts, watch: OutputWatch
) -> "ModelList":
    """Ask the host for its list, with retries where they may help."""
    from mmpipe.api.attempt import Observer
    from mmpipe.api.retry import RetryPolicy

    limits, policy = timeouts.limits(), RetryPolicy(timeouts.retries)
    attempt = 1
    while True:
        try:
            return ask(limits, Observer(look=watch.check, note=watch.console.note))
        except MmpipeError as error:
            delay = policy.next_delay(error, attempt, limits.seconds_left)
            if delay is None:
                raise
            watch.wait_to_retry(error, attempt, delay)
        attempt += 1


def _faults(found: "ModelList") -> Iterator[str]:
    """Yield a sentence for each reason why models of the host may be missing."""
    if found.unnamed:
        yield f"rows of the host's list without a name were left out: {found.unnamed}"
    if found.has_more:
        yield "the host has more models than it lists here: this list is not whole"


def compare_models(known: Sequence[Model], served: Iterable[str]) -> list[ListedModel]:
    """Return the models of the catalogue, then those that only the host has, each in its order; case is ignored."""
    names = {model.id.lower() for model in known}
    hosted: dict[str, str] = {}
    for name in served:
        hosted.setdefault(name.lower(), name)
    return [
        *(
            ListedModel(model.id, model, "served" if model.id.lower() in hosted else "gone")
            for model in known
        ),
        *(ListedModel(name, None, "new") for lower, name in hosted.items() if lower not in names),
    ]


def _only_served(served: Iterable[str]) -> list[ListedModel]:
    """Return the models of a host that has nothing to do with the catalogue, in its order and spelling."""
    known = ((name, find_model(name)) for name in served)
    return [ListedModel(name, model, "new" if model is None else "served") for name, model in known]


def _find_entry(name: str, entries: Sequence[ListedModel], *, live: bool) -> ListedModel:
    found = [entry for entry in entries if entry.id.lower() == name.lower()]
    if found:
        # A host of the user's own may tell upper and lower case apart.
        return next((entry for entry in found if entry.id == name), found[0])
    guess = suggest_served(name, (entry.id for entry in entries))
    shown = one_line(repr(name), 100)
    if live:
        raise Rejected(f"{shown} is unknown: the host does not list it", hint=guess)
    otherwise = "the service may know it: try it with `mmpipe chat -m`, or ask with --live"
    raise UsageError(f"{shown} is not in the catalogue", hint=guess or otherwise)


def suggest_served(name: str, names: Iterable[str]) -> str:
    """Return a hint at the most similar of these names, which may be any; empty without a good guess."""
    known = (each for each in islice(names, _MOST_GUESSES) if len(each) <= _LONGEST_GUESS)
    return one_line(suggest(name, known))


def _row(entry: ListedModel) -> tuple[str, ...]:
    facts = [None if entry.model is None else of(entry.model) for of in _COLUMNS.values()]
    live = () if entry.live is None else (entry.live,)
    # Any name from the host must stay one cell of one line.
    return (one_line(entry.id), *("" if fact is None else f"{fact}" for fact in facts[1:]), *live)


def _table(
    columns: Sequence[str], entries: Iterable[ListedModel], output: Output, environment: Mapping[str, str]
) -> str:
    # The note may be broken into lines, so it is the last column.
    order = [place for place, name in enumerate(columns) if name != "note"] + [columns.index("note")]
    rows = [_row(entry) for entry in entries]
    table = ModelTable([columns[place] for place in order], [[row[place] for place in order] for row in rows])
    return table.format(output, environment)


def _json(entry: ListedModel, output: Output) -> str:
    line = json.dumps(_record(entry), ensure_ascii=False, default=str)
    return visible_json(line) if output.is_terminal else line


def _record(entry: ListedModel) -> dict[str, object]:
    known = {**_UNKNOWN, "id": entry.id} if entry.model is None else asdict(entry.model)
    return known if entry.live is None else {**known, "live": entry.live}


def _fact_lines(entry: ListedModel) -> Iterator[str]:
    """Yield all facts about one model, one a line."""
    for name, value in _record(entry).items():
        match value:
            case None | () | []:
                pass
            case bool():
                yield _fact(name, "yes" if value else "no")
            case tuple() if entry.model is not None and name == "prices":
                yield from (_price("dollars", price) for price in entry.model.prices)
            case tuple() if entry.model is not None and name == "prices_yuan":
                yield from (_price("yuan", price) for price in entry.model.prices_yuan)
            case dict() if entry.model is not None and name == "temperature":
                yield _fact(name, f"{entry.model.temperature}")
            case tuple():
                yield _fact(name, ", ".join(value))
            case _:
                yield _fact(name, f"{value}")


def _fact(name: str, value: str) -> str:
    return f"{name.replace('_', ' '):24} {visible(value)}"


def _price(currency: str, price: Price) -> str:
    parts = (
        (price.input, "in"),
        (price.output, "out"),
        (price.cache_read, "from the cache"),
        (price.cache_write, "into it"),
    )
    costs = ", ".join(f"{amount} {what}" for amount, what in parts if amount is not None)
    upper = "" if price.up_to is None else f" (prompts of up to {price.up_to} tokens)"
    return _fact(f"{currency} a million tokens", f"{costs}{upper}")


def _write(output: Output, line: str) -> None:
    # A lone surrogate becomes its escape in JSON; in other formats it was made visible.
    output.write(f"{line}\n".encode(errors="backslashreplace"))
