"""Checks the parameters of a request before it is sent; pure."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeGuard

from mmpipe.core.assignments import parse_assignment
from mmpipe.core.catalogue import Model
from mmpipe.core.request_fields import (
    FIELD_RULES,
    FORMAT_FIELD,
    ID_FIELDS,
    IGNORED_FIELDS,
    LIMIT_FIELD,
    OLD_LIMIT_FIELD,
    REMOVED_FIELDS,
    WIRE_FIELDS,
)
from mmpipe.errors import UsageError
from mmpipe.text.suggestions import correct, join_hints
from mmpipe.text.visible import one_line

# Names a field, or the setting it comes from, in an error.
Label: TypeAlias = Callable[[str], str]

_LONGEST: Final = 60  # characters of a name
# Fields of other servers that are spelled like one of ours, and no mistake.
_FIELDS_ELSEWHERE: Final = frozenset(("top_k", "top_a", "min_tokens", "models", "max_new_tokens"))
_GREATEST: Final = sys.float_info.max  # an integer may be greater


def parse_parameters(assignments: Sequence[str]) -> dict[str, object]:
    """Parse `-p KEY=VALUE`; returns the body fields. Raises UsageError."""
    parameters = dict(parse_assignment("-p", assignment) for assignment in assignments)
    for key in parameters:
        if instead := _find_option(key):
            raise UsageError(f"-p {key}: use {instead}")
    check_fields(parameters)
    return parameters


def _find_option(name: str) -> str | None:
    """Return what sets a field that -p does not; None if -p does."""
    rule = FIELD_RULES.get(name)
    return None if rule is None else rule.instead_of_param


def parse_overrides(assignments: Sequence[str]) -> dict[str, object]:
    """Parse `--set KEY=VALUE`; returns the body fields that replace those of every record, None to remove one.

    Raises UsageError, also for values out of range; the range of some depends on the model (`check_for_model`).
    """
    overrides = dict(parse_assignment("--set", assignment) for assignment in assignments)
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in overrides:
        if name in ID_FIELDS:
            raise UsageError(
                f"{_label_set(name)}: each record has an id of its own",
                hint="--id-field NAME names the field it is in",
            )
        rule = FIELD_RULES.get(name)
        # A field of the wire that is only removed changes nothing that is ours.
        if rule is not None and rule.instead_of_set and (name in given or name not in WIRE_FIELDS):
            raise UsageError(
                f"{_label_set(name)}: it cannot be set for all records", hint=f"use {rule.instead_of_set}"
            )
    model = overrides.get("model", "")
    if "model" in overrides and not (isinstance(model, str) and model.strip()):
        raise UsageError(f"--set model: {_shorten(model)} is not the name of a model")
    if LIMIT_FIELD in overrides and OLD_LIMIT_FIELD in overrides:
        raise UsageError(
            f"--set {OLD_LIMIT_FIELD} and --set {LIMIT_FIELD} are the same: use only one of them"
        )
    limit = given.get(LIMIT_FIELD, given.get(OLD_LIMIT_FIELD))
    build_sampling(given.get("temperature"), given.get("top_p"), limit, label=_label_set)
    check_fields(given, "--set ")
    return overrides


def suggest_fields(names: Iterable[str], option: str) -> Iterator[str]:
    """Yield a warning for each name of a field that is unknown, and much like a known one."""
    for name in names:
        if name not in FIELD_RULES and name not in _FIELDS_ELSEWHERE:
            guess = correct(name[:_LONGEST], FIELD_RULES)
            if guess is not None:
                sent = f"{option} {one_line(name, _LONGEST)} is sent as it stands"
                yield f"{sent}, though no such field is known; did you mean {guess}?"


def override_fields(body: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a body with those of `overrides`, without those that are None there."""
    replaced = list_overridden(overrides)
    kept = {name: value for name, value in body.items() if name not in replaced}
    return {**kept, **{name: value for name, value in overrides.items() if value is not None}}


def list_overridden(overrides: Mapping[str, object]) -> frozenset[str]:
    """Return the names that `overrides` leave to no record: those of the limit on tokens go together."""
    limits = (LIMIT_FIELD, OLD_LIMIT_FIELD)
    return frozenset((*overrides, *(limits if any(name in overrides for name in limits) else ())))


def label_overrides(overrides: Mapping[str, object], label: Label) -> Label:
    """Return a label that names the fields of `overrides` by `--set`, and others as `label` does."""
    fixed = list_overridden(overrides)
    return lambda name: _label_set(name) if name in fixed else label(name)


def _label_set(name: str) -> str:
    return f"--set {name}"


def check_params(params: Mapping[str, object], label: str) -> Mapping[str, object]:
    """Return the fields of `params` in a configuration file. Raises UsageError for a field with a setting of its own.

    `label` is their place and name, which begins the message.
    """
    for name in params:
        if instead := _find_option(name):
            setting = {LIMIT_FIELD: "max_tokens", "reasoning_split": "native_thinking"}.get(name)
            raise UsageError(f"{label}.{one_line(name, 60)}: use {setting or instead}")
    check_fields(params, f"{label}.")
    return params


def check_fields(parameters: Mapping[str, object], place: str = "", remedy: str = "") -> None:
    """Raise UsageError for body fields that the API has removed, and for more than one answer.

    `place` begins the message; `remedy` is its hint, with the name of the field for `{}`.
    """
    for old, new in REMOVED_FIELDS.items():
        if old in parameters:
            raise UsageError(f"{place}{old} is no longer supported by the API: use {new}")
    if parameters.get("n", 1) != 1 or parameters.get("n") is True:
        raise UsageError(
            f"{place}n: the API gives one answer for each request",
            hint=join_hints("send several requests instead", remedy.format("n")),
        )


def _dash(name: str) -> str:
    return name.replace("_", "-")


def build_sampling(
    temperature: object, top_p: object, max_tokens: object, *, label: Label = _dash, remedy: str = ""
) -> dict[str, object]:
    """Return the body fields of --temperature, --top-p and --max-tokens (None: not sent).

    The range of the temperature depends on the model. Raises UsageError, with the `label` of the setting and the hint
    `remedy`, with the name of the field for `{}`.
    """
    if temperature is not None and not (_is_number(temperature) and -_GREATEST <= temperature <= _GREATEST):
        raise UsageError(
            f"{label('temperature')} is {_shorten(temperature)}: it must be a finite number",
            hint=remedy.format("temperature"),
        )
    # NaN fails this comparison.
    if top_p is not None and not (_is_number(top_p) and 0 <= top_p <= 1):
        raise UsageError(
            f"{label('top_p')} is {_shorten(top_p)}: it must be from 0 to 1", hint=remedy.format("top_p")
        )
    if max_tokens is not None and not (
        isinstance(max_tokens, int) and _is_number(max_tokens) and max_tokens >= 1
    ):
        raise UsageError(
            f"{label('max_tokens')} is {_shorten(max_tokens)}: it must be a whole number, at least 1",
            hint=remedy.format(OLD_LIMIT_FIELD),
        )
    given = {"temperature": temperature, "top_p": top_p, LIMIT_FIELD: max_tokens}
    return {name: value for name, value in given.items() if value is not None}


def check_for_model(
    parameters: Mapping[str, object], model: Model | None, label: Label = _dash, remedy: str = ""
) -> Iterator[str]:
    """Yield a warning about the parameters that the API or the model ignores, if there are any.

    `model` is None if the catalogue does not know it. Raises UsageError for a temperature that the model does not
    accept, and for more tokens than it can give, with the `label` of the setting and `remedy` as in `build_sampling`.
    """
    if model is not None:
        _check_ranges(parameters, model, label, remedy)
    yield from describe_ignored(parameters, model)


def describe_ignored(parameters: Mapping[str, object], model: Model | None) -> Iterator[str]:
    """Yield a sentence about the parameters that are ignored, and one about a format that nothing enforces."""
    wanted = parameters.get(FORMAT_FIELD)
    # FACTS.md, "Parameters". Other servers may well enforce it.
    is_hoped_for = model is not None and isinstance(wanted, dict) and wanted.get("type") != "text"
    ignored = [name for name in find_ignored(parameters, model) if name != FORMAT_FIELD or not is_hoped_for]
    if ignored:
        yield f"{model.id if model is not None else 'the API'} ignores {', '.join(ignored)}"
    if model is not None and is_hoped_for:
        yield f"{model.id} does not enforce {FORMAT_FIELD}: --schema asks for JSON, and checks it"


def find_ignored(parameters: Mapping[str, object], model: Model | None) -> list[str]:
    """Return the names of the parameters that the API or the model ignores."""
    by_model = model.ignored if model is not None else ()
    return [name for name in dict.fromkeys((*IGNORED_FIELDS, *by_model)) if name in parameters]


def find_token_limit(parameters: Mapping[str, object]) -> int | None:
    """Return the limit on the tokens of the answer, under either name; None without one."""
    found = parameters.get(LIMIT_FIELD, parameters.get(OLD_LIMIT_FIELD))
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _check_ranges(parameters: Mapping[str, object], model: Model, label: Label, remedy: str) -> None:
    most = find_token_limit(parameters)
    if most is not None and most > model.max_output:
        raise UsageError(
            f"{label('max_tokens')} is {most}: {model.id} gives at most {model.max_output}",
            hint=remedy.format(OLD_LIMIT_FIELD),
        )
    temperature = parameters.get("temperature")
    if isinstance(temperature, int | float) and temperature not in model.temperature:
        raise UsageError(
            f"{label('temperature')} is {_shorten(temperature)}: for {model.id} it must be {model.temperature}",
            hint=join_hints("" if temperature else "0.01 is nearly 0", remedy.format("temperature")),
        )


def _is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a number of JSON, where `true` is not 1."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shorten(value: object) -> str:
    # A typed 3 is shown as such, and not as 3.0.
    return one_line(f"{value:.15g}" if isinstance(value, float) else str(value), 60)
