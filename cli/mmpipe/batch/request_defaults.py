"""The defaults of all requests of a batch, from options and configuration."""

from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.estimate import ExpectedUsage
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.template import Template
from mmpipe.config.base_request import build_base_request, read_system_message
from mmpipe.config.settings import Settings
from mmpipe.errors import UsageError
from mmpipe.unix.inputs import decode_argument
from mmpipe.writers.console import Console


def read_defaults(
    options: BatchOptions, settings: Settings, instruction: str | None, console: Console
) -> RequestDefaults:
    """The values that hold where a record has none; raises UsageError, InputError."""
    base = build_base_request(options.request, settings, console.warn, streamed=False)
    if options.limits.max_cost is not None and ExpectedUsage(base.model, 1, 1).dollars is None:
        raise UsageError(f"--max-cost: the price of {base.model} is not known")
    template = options.records.template
    return RequestDefaults(
        model=base.model,
        system=read_system_message(options.system),
        instruction=instruction,
        parameters=base.parameters,
        template=None if template is None else Template.parse(decode_argument(template, "the template")),
        streamed=base.streamed,
    )
