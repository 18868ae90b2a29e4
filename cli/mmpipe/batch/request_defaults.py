"""The defaults of all requests of a batch, from options and configuration."""

from mmpipe.batch.options import BatchOptions
from mmpipe.batch.pace.estimate import ExpectedUsage
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.template import Template
from mmpipe.config.settings import Settings
from mmpipe.core import parameters
from mmpipe.core.catalogue import find_model
from mmpipe.errors import UsageError
from mmpipe.unix.inputs import decode_argument, read_text
from mmpipe.writers.console import Console


def read_defaults(
    options: BatchOptions, settings: Settings, instruction: str | None, console: Console
) -> RequestDefaults:
    """The values that hold where a record has none; raises UsageError, InputError."""
    asked = options.request
    sampled = parameters.build_sampling(
        *(settings.get(name) for name in ("temperature", "top_p", "max_tokens"))
    )
    split = {} if asked.native_thinking else {"reasoning_split": True}
    body = {**sampled, **split, **parameters.parse_parameters(asked.parameters)}
    model = decode_argument(str(settings.get("model")), "the name of the model")
    if not model.strip():
        raise UsageError("the name of the model is empty")
    for warning in parameters.check_for_model(body, find_model(model)):
        console.warn(warning)
    if options.bounds.cost is not None and ExpectedUsage(model, 1, 1).dollars is None:
        raise UsageError(f"--max-cost: the price of {model} is not known")
    system = None if asked.system is None else decode_argument(asked.system, "the system message")
    return RequestDefaults(
        model=model,
        system=system if asked.system_file is None else read_text(asked.system_file),
        instruction=instruction,
        parameters=body,
        template=None
        if asked.template is None
        else Template.parse(decode_argument(asked.template, "the template")),
        streamed=asked.streamed,
    )
