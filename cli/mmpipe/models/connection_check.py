"""Checks the way to the service step by step: key, host, proxy, connection, and the list of models, which costs nothing.

Each step is reported, whether or not an earlier one failed; the first error decides the exit status.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Final

from mmpipe.api.attempt import Observer
from mmpipe.api.http.exchange import Stage
from mmpipe.api.http.routes import Route, find_route
from mmpipe.api.refusals.codes import CHECK_KEY
from mmpipe.config.key_pairing import OPENAI_SOURCE, OPENAI_URL
from mmpipe.config.keys import MINIMAX_KEY, OPENAI_KEY
from mmpipe.config.settings import Settings
from mmpipe.config.sources import ENVIRONMENT, OPTION
from mmpipe.core.catalogue import load_models
from mmpipe.core.endpoint import Endpoint
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import AuthError, Forbidden, MmpipeError, Rejected
from mmpipe.models.listing import ListModels, compare_models, list_models_of, suggest_served
from mmpipe.models.options import ModelsOptions
from mmpipe.text.suggestions import join_hints
from mmpipe.text.visible import one_line, visible_json
from mmpipe.unix.inputs import Inputs
from mmpipe.unix.signals import raise_interrupts
from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.console import Console
from mmpipe.writers.watch import OutputWatch

if TYPE_CHECKING:
    from mmpipe.api.answer.model_list import ModelList

_PERIOD: Final = 0.25  # seconds between two looks at the output during a look-up
_WIDTH: Final = 10  # characters of the longest name
_LONGEST_NAME: Final = 100  # characters of a model
_MOST_NAMES: Final = 20  # models in one line
# The places of a key and of a host as a user knows them.
_KEY_PLACES: Final = {OPTION: "--api-key-file", ENVIRONMENT: MINIMAX_KEY, OPENAI_SOURCE: OPENAI_KEY}
_HOST_PLACES: Final = {OPTION: "--base-url", ENVIRONMENT: "MINIMAX_BASE_URL", OPENAI_SOURCE: OPENAI_URL}
_ANSWERS: Final = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The findings in the order of the steps; None for what is not known. Times are in milliseconds.

    `key` is the place of the key, as the other places a variable, an option, or the configuration file. `accepted` is None
    without a key, and for a host whose answer does not say. `gone` and `new` are of a host of MiniMax alone.
    """

    key: str | None
    host: str
    host_place: str
    proxy: str | None
    model: str
    model_place: str
    dns: int | None = None
    connect: int | None = None
    tls: int | None = None
    answer: int | None = None
    accepted: bool | None = None
    models: int | None = None
    gone: tuple[str, ...] | None = None
    new: tuple[str, ...] | None = None
    served: bool | None = None
    errors: tuple[MmpipeError, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object of `--json`."""
        found: dict[str, object] = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**found, "errors": [error.as_json() for error in self.errors]}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the value of each line; the value of an unknown one is empty."""
        yield "key", self.key or "none"
        yield "host", f"{self.host} ({self.host_place})"
        yield "proxy", self.proxy or "none"
        for name in ("dns", "connect", "tls", "answer"):
            milliseconds = getattr(self, name)
            unknown = "none" if name == "tls" and self.host.startswith("http://") else ""
            yield name, unknown if milliseconds is None else f"{milliseconds} ms"
        yield "accepted", _ANSWERS[self.accepted]
        yield "models", "" if self.models is None else str(self.models)
        yield "gone", _join_names(self.gone)
        yield "new", _join_names(self.new)
        yield "model", f"{self.model} ({self.model_place})"
        yield "served", _ANSWERS[self.served]
        yield from (("error", error.message) for error in self.errors)


def _join_names(names: Sequence[str] | None) -> str:
    if names is None:
        return ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "none"


@dataclass(slots=True)
class _Stopwatch:
    """The times at which the first request entered its stages."""

    times: dict[Stage, float] = field(default_factory=dict)

    def enter(self, stage: Stage) -> None:
        """Note the time; a later page of the list has stages of its own, which do not count."""
        self.times.setdefault(stage, time.monotonic())

    def between(self, first: Stage, *seconds: Stage) -> int | None:
        """Return the milliseconds from a stage to the first of others that was reached."""
        ends = [self.times[second] for second in seconds if second in self.times]
        return round(1000 * (min(ends) - self.times[first])) if ends and first in self.times else None

    def since(self, stage: Stage) -> int:
        """Return the milliseconds since a stage."""
        return round(1000 * (time.monotonic() - self.times.get(stage, time.monotonic())))


def check_connection(
    options: ModelsOptions,
    streams: Streams,
    environment: Mapping[str, str],
    list_models: ListModels = list_models_of,
) -> None:
    """Write a line for each step. Raises the first error.

    AuthError without a key, NetworkError for a host out of reach, Rejected for a model that the host does not serve.
    """
    with raise_interrupts(), Console(streams, options.verbosity, environment) as console:
        settings = Settings.read(environment, options.service)
        limits = settings.timeouts().limits()
        endpoint, missing = _find_endpoint(settings, Inputs(streams.stdin, [settings.key_file]))
        console.announce(endpoint, settings.explain())
        route = find_route(endpoint.base_url, os.environ)
        watch = OutputWatch(streams.stdout, console)
        report = replace(
            _report_settings(settings, endpoint, route),
            dns=_time_lookup(route, limits, watch.check),
            errors=() if missing is None else (missing,),
        )
        report = _ask(report, lambda observer: list_models(endpoint, limits, observer), endpoint, watch)
    _write(report, streams.stdout, as_json=options.listing.chosen_format == "jsonl")
    if report.errors:
        raise report.errors[0]


def _report_settings(settings: Settings, endpoint: Endpoint, route: Route) -> ConnectionReport:
    host, model = settings.find("base_url"), settings.find("model")
    return ConnectionReport(
        key=None if endpoint.key is None else _KEY_PLACES.get(endpoint.key.source, endpoint.key.source),
        host=endpoint.base_url,
        host_place=_HOST_PLACES.get(host.source, host.source),
        proxy=None if route.proxy is None else str(route.proxy),
        model=str(model.value),
        model_place=model.source,
    )


def _find_endpoint(settings: Settings, inputs: Inputs) -> tuple[Endpoint, AuthError | None]:
    """Return the endpoint, and the error of its key: then it has none, and the other steps are checked without it."""
    try:
        return settings.endpoint(inputs), None
    except AuthError as error:
        return Endpoint(str(settings.host().value), None), error


def _time_lookup(route: Route, limits: Limits, look: Callable[[], None]) -> int | None:
    """Return the milliseconds of the look-up of the first name on the way; None if it fails, or takes longer than a connection may."""
    seconds: list[float] = []

    def look_up() -> None:
        began = time.monotonic()
        # The request meets the same error, and explains it.
        with suppress(OSError, UnicodeError):
            socket.getaddrinfo(*route.first_hop, type=socket.SOCK_STREAM)
            seconds.append(time.monotonic() - began)

    # The system's look-up has no limit of its own.
    thread = threading.Thread(target=look_up, daemon=True, name="look-up")
    thread.start()
    end = time.monotonic() + limits.connect
    while thread.is_alive() and time.monotonic() < end:
        thread.join(_PERIOD)
        look()
    return round(1000 * seconds[0]) if seconds else None


def _ask(
    report: ConnectionReport,
    ask: Callable[[Observer], "ModelList"],
    endpoint: Endpoint,
    watch: OutputWatch,
) -> ConnectionReport:
    """Ask for the list of models once, and return the report with what became known."""
    stopwatch = _Stopwatch()
    found: ModelList | None = None
    error: MmpipeError | None = None
    try:
        found = ask(Observer(look=watch.check, note=watch.console.note, entered=stopwatch.enter))
    except MmpipeError as raised:
        error = raised
    has_answered = found is not None or (error is not None and error.http is not None)
    report = replace(
        report,
        connect=stopwatch.between(Stage.CONNECTING, Stage.SECURING, Stage.SENDING),
        tls=stopwatch.between(Stage.SECURING, Stage.SENDING),
        answer=stopwatch.since(Stage.WAITING) if has_answered else None,
    )
    if endpoint.key is not None:
        report = replace(report, accepted=_is_accepted(error))
    if error is not None and error.hint == CHECK_KEY:
        # The first line of the report names the place of the key already.
        error = error.derived(hint="")
    # A host that wants a key says nothing new.
    if error is not None and not (report.errors and isinstance(error, AuthError)):
        report = replace(report, errors=(*report.errors, error))
    if found is None:
        return report
    report = _compare(report, found, endpoint)
    if report.served is False:
        report = replace(report, errors=(*report.errors, _not_served(report.model, found.ids)))
    return report


def _not_served(model: str, names: Sequence[str]) -> Rejected:
    """Return the error that each request would get."""
    return Rejected(
        f"the host does not serve the model {one_line(model, _LONGEST_NAME)}",
        hint=join_hints(
            suggest_served(model, names), "choose another with -m, or with model = in the configuration"
        ),
    )


def _is_accepted(error: MmpipeError | None) -> bool | None:
    """Return whether the host took the key; None if its answer says nothing about that."""
    if error is None:
        return True
    return False if isinstance(error, AuthError) and not isinstance(error, Forbidden) else None


def _compare(report: ConnectionReport, found: "ModelList", endpoint: Endpoint) -> ConnectionReport:
    is_listed = report.model in found.ids
    report = replace(report, models=len(found.ids), served=is_listed or (None if found.has_more else False))
    if not endpoint.is_minimax:
        return report
    # The hosts of MiniMax ignore case.
    is_served = report.model.lower() in {name.lower() for name in found.ids}
    compared = compare_models(load_models(), found.ids)
    gone, new = (tuple(entry.id for entry in compared if entry.live == state) for state in ("gone", "new"))
    return replace(report, gone=gone, new=new, served=is_served or report.served)


def _write(report: ConnectionReport, output: Output, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps(report.as_json(), ensure_ascii=False)
        lines = [visible_json(line) if output.is_terminal else line]
    else:
        pairs = [(name, one_line(value)) for name, value in report.lines()]
        lines = [
            f"{name:{_WIDTH}}{value or '-'}" if output.is_terminal else f"{name}\t{value}"
            for name, value in pairs
        ]
    # A lone surrogate becomes its escape in JSON.
    output.write("".join(f"{line}\n" for line in lines).encode(errors="backslashreplace"))
