"""Builds the part of a request that is the same for every prompt, from the options and the settings."""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, get_args

from mmpipe.config.options import RequestOptions, SystemMessageOptions
from mmpipe.config.settings import Settings
from mmpipe.core.catalogue import MAX_NAME, find_model
from mmpipe.core.effort import EFFORT_FIELDS, Effort, describe_missing_effort, replace_effort, sets_effort
from mmpipe.core.parameters import (
    build_sampling,
    check_for_model,
    label_overrides,
    override_fields,
    parse_parameters,
    suggest_fields,
)
from mmpipe.core.request import Request
from mmpipe.core.request_fields import LIMIT_FIELD, OLD_LIMIT_FIELD
from mmpipe.core.stream_pieces import Pieces
from mmpipe.errors import UsageError
from mmpipe.text.visible import one_line
from mmpipe.unix.inputs import Inputs, decode_argument

# Fields that every model accepts: no need to read the catalogue.
UNDISPUTED: Final = {"reasoning_split", "top_p", "tools"}
_LONGEST_PATH: Final = 4096  # bytes
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def build_base_request(
    options: RequestOptions,
    settings: Settings,
    warn: Callable[[str], None],
    *,
    fields: Mapping[str, object] = _NOTHING,
    overrides: Mapping[str, object] = _NOTHING,
) -> Request:
    """Return the request without messages; `fields` are more body fields.

    `overrides` replace fields, or remove those that are None there, the model among them. Warns about parameters that the
    model ignores. Raises UsageError for invalid values.
    """
    sampling = (settings.get(name) for name in ("temperature", "top_p", "max_tokens"))
    sampled = build_sampling(*sampling, label=settings.label)
    split = {} if settings.get("native_thinking") else {"reasoning_split": True}
    further = _parse_further(options, overrides, warn)
    if twice := sorted(further.keys() & fields.keys()):
        raise UsageError(f"-p {twice[0]} and --{twice[0].replace('_', '-')}: use only one of them")
    if OLD_LIMIT_FIELD in further and settings.is_typed("max_tokens"):
        raise UsageError("-p max_tokens and --max-tokens: use only one of them")
    configured = dict(settings.params)
    if OLD_LIMIT_FIELD in configured and settings.is_typed("max_tokens"):
        # The server of this configuration knows the old name.
        configured[OLD_LIMIT_FIELD] = sampled[LIMIT_FIELD]
    if OLD_LIMIT_FIELD in {**configured, **further}:
        sampled.pop(LIMIT_FIELD, None)
    model = _find_model_name(settings, overrides)
    effort = find_effort(settings, options, overrides)
    if effort is not None or sets_effort(overrides):
        configured = _replace_effort(configured, effort, model, warn)
    body = override_fields({**sampled, **split, **configured, **fields, **further}, overrides)
    body.pop("model", None)
    known = find_model(model) if body.keys() - UNDISPUTED else None
    for warning in check_for_model(body, known, label_overrides(overrides, settings.label)):
        warn(warning)
    pieces: Pieces | None = settings.choice("pieces", get_args(Pieces))
    return Request(model, (), body, streamed=options.wire != "whole", pieces=pieces or "auto")


def _parse_further(
    options: RequestOptions, overrides: Mapping[str, object], warn: Callable[[str], None]
) -> Mapping[str, object]:
    """Return the fields of `-p`; warn of names, in `overrides` too, that seem to be misspelled."""
    further = parse_parameters(options.param)
    for warning in (*suggest_fields(further, "-p"), *suggest_fields(overrides, "--set")):
        warn(warning)
    return further


def _find_model_name(settings: Settings, overrides: Mapping[str, object]) -> str:
    model = decode_argument(str(overrides.get("model", settings.get("model"))), "the name of the model")
    if not model.strip():
        raise UsageError(f"{settings.label('model')}: the name of the model is empty")
    if len(model) > MAX_NAME:
        raise UsageError(
            f"{settings.label('model')}: the name of the model has {len(model)} characters: at most {MAX_NAME} are possible"
        )
    return model


def _replace_effort(
    configured: Mapping[str, object], effort: Effort | None, model: str, warn: Callable[[str], None]
) -> dict[str, object]:
    if effort is not None and (warning := describe_missing_effort(effort, model)) is not None:
        warn(warning)
    return replace_effort(configured, effort, model)


def find_effort(
    settings: Settings, options: RequestOptions, overrides: Mapping[str, object] = _NOTHING
) -> Effort | None:
    """Return how much the model is to think; None if that is not set, or by a field of the request itself.

    What is typed replaces what is configured, and `overrides` replace both. Raises UsageError for an unknown level, and for
    two settings from one place.
    """
    effort: Effort | None = settings.choice("effort", get_args(Effort))
    further = parse_parameters(options.param)
    typed = [name for name in EFFORT_FIELDS if name in further]
    if effort is None or sets_effort(overrides) or (typed and not settings.is_typed("effort")):
        return None
    if typed:
        raise UsageError(f"-p {typed[0]} and --effort: use only one of them")
    if not settings.is_typed("effort"):
        for name in EFFORT_FIELDS:
            if name in settings.params:
                raise UsageError(f"{settings.label('effort')} and params.{name}: use only one of them")
    return effort


def read_system_message(
    options: SystemMessageOptions, inputs: Inputs, codec: str, warn: Callable[[str], None]
) -> str | None:
    """Return the text of the system message, or None; warns of a text that names a file. Raises InputError and UsageError."""
    if options.input is not None:
        return inputs.read_text(options.input, codec)
    path = (options.system or "").removeprefix("@")
    if path != options.system and len(path) <= _LONGEST_PATH and os.path.isfile(path):  # noqa: PTH113  Path raises for some
        # Needed only after a mistake.
        from mmpipe.text.shell_words import name_file

        shown = one_line(path, 60)
        warn(f"the system message is the text @{shown}: --system-file {name_file(path)} reads the file")
    return None if options.system is None else decode_argument(options.system, "the system message")
