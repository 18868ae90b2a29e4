"""Turns the options and settings of one call of `batch` into its rules and the defaults of its records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mmpipe.batch.engine import EnginePolicy
from mmpipe.batch.input_check import BatchInput
from mmpipe.batch.journal.result_format import ResultFormat
from mmpipe.batch.options import BatchOptions, LimitOptions
from mmpipe.batch.pace.estimate import WITHOUT_PRICE, ExpectedUsage
from mmpipe.batch.records.input_file import describe_repeated
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.template import Template
from mmpipe.config.base_request import build_base_request, find_effort, read_system_message
from mmpipe.config.settings import Settings
from mmpipe.core.host_identity import follows_catalogue
from mmpipe.core.parameters import list_overridden, parse_overrides
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError
from mmpipe.structured.constraint import SHOWS_THINKING, read_constraint
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import Inputs, decode_argument
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One call of `batch`: its options, its surroundings, and the words that were typed."""

    options: BatchOptions
    streams: Streams
    environment: Mapping[str, str]
    console: Console
    arguments: Sequence[str] = ()

    @property
    def shown_format(self) -> ResultFormat:
        """The format of the results on standard output."""
        return self.options.output.shown_format(is_terminal=self.streams.stdout.is_terminal)


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """The settings, the rules and the inputs of one call, before anything is opened."""

    settings: Settings
    policy: EnginePolicy
    inputs: Inputs
    source: BatchInput


def read_settings(
    options: BatchOptions, environment: Mapping[str, str], warn: Callable[[str], None]
) -> tuple[Settings, BatchOptions]:
    """Return the settings, and the options completed by the configured ones. Raises UsageError for invalid ones."""
    groups = (options.request, options.system, options.pace, options.limits)
    settings = Settings.read(environment, options.service, *groups)
    completed = replace(
        options,
        # Either of its options replaces the configured message.
        system=settings.complete(options.system) if options.system.input is None else options.system,
        pace=settings.complete(options.pace),
        limits=settings.complete(options.limits),
    )
    if completed.limits.max_cost is None or options.recordings.is_replay:
        return settings, completed
    return settings, replace(completed, limits=_fit_max_cost(completed.limits, settings, warn))


def _fit_max_cost(limits: LimitOptions, settings: Settings, warn: Callable[[str], None]) -> LimitOptions:
    """Return the limits without that on the cost if the host has prices of its own: with a warning if it is configured.

    Raises UsageError if it is typed: the user counts on it.
    """
    host = settings.identify_host()
    if follows_catalogue(host):
        return limits
    unknown = f"the prices of {one_line(str(host), 100)} are not known"
    if settings.is_typed("max_cost"):
        raise UsageError(f"--max-cost: {unknown}", hint=WITHOUT_PRICE)
    warn(f"{settings.label('max_cost')} does not limit this run: {unknown}")
    return replace(limits, max_cost=None)


def prepare_call(call: BatchCall, settings: Settings) -> PreparedCall:
    """Read schema, system message and template; raises UsageError and InputError."""
    options = call.options
    inputs = Inputs(call.streams.stdin, (settings.key_file, *options.inputs), notify=call.console.hint)
    constraint = read_constraint(options.constraint, inputs, call.console.note)
    if constraint.extract is not None and options.thinking.thinking == "show":
        raise UsageError(SHOWS_THINKING)
    policy = EnginePolicy(
        timeouts=settings.timeouts(),
        constraint=constraint,
        accepts_truncated=options.output.allow_truncated,
        max_wait=options.pace.max_wait,
        grace=options.limits.grace,
    )
    defaults = _request_defaults(call, settings, inputs, constraint.instruction)
    records = options.with_files(inputs.resolve)
    source = BatchInput(records, call.streams.stdin, defaults, settings.identify_host())
    for sentence in describe_repeated(source.find_files()):
        call.console.warn(sentence)
    return PreparedCall(settings, policy, inputs, source)


def _request_defaults(
    call: BatchCall, settings: Settings, inputs: Inputs, instruction: str | None
) -> RequestDefaults:
    options = call.options
    overrides = parse_overrides(options.overrides.set)
    base = build_base_request(options.request, settings, call.console.warn, overrides=overrides)
    if options.limits.max_cost is not None:
        ExpectedUsage(base.model, 1, 1).check_price(settings.label("max_cost"))
    template, id_field = options.records.template, options.records.id_field
    return RequestDefaults(
        model=base.model,
        system=read_system_message(options.system, inputs, options.encoding.codec, call.console.warn),
        instruction=instruction,
        parameters=base.parameters,
        template=None if template is None else Template.parse(decode_argument(template, "the template")),
        streamed=options.request.wire == "stream",
        pieces=base.pieces,
        effort=find_effort(settings, options.request, overrides),
        fixed=list_overridden(overrides),
        id_field=None if id_field is None else decode_argument(id_field, "the name of the field"),
    )
