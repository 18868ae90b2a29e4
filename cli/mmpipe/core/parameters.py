"""Checks the parameters of a request before it is sent; pure."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeGuard

from mmpipe.core.catalogue import Model
from mmpipe.errors import UsageError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import reject_lone_surrogates
from mmpipe.text.visible import one_line

# The limit on tokens, and its old name, which is the only one that some servers know (FACTS.md, "Fields that other
# servers refuse or ignore").
LIMIT_FIELD: Final = "max_completion_tokens"
OLD_LIMIT_FIELD: Final = "max_tokens"

_GREATEST: Final = sys.float_info.max  # an integer may be greater
# Body fields with their own option, which -p must not set.
_OWN_OPTION = {
    "model": "-m",
    "messages": "the prompt and --system",
    "stream": "--wire",
    "stream_options": "--wire",
    "temperature": "--temperature",
    "top_p": "--top-p",
    LIMIT_FIELD: "--max-tokens",
    "reasoning_split": "--native-thinking",
}
_REMOVED = {"function_call": "tool_choice", "functions": "tools"}
# The official page, note 2.
_IGNORED = ("presence_penalty", "frequency_penalty", "logit_bias")


def parse_parameters(assignments: Sequence[str]) -> dict[str, object]:
    """Parse `-p KEY=JSON`; returns the body fields. Raises UsageError."""
    parameters: dict[str, object] = {}
    for assignment in assignments:
        if any("\ud800" <= character <= "\udfff" for character in assignment):
            # Python decodes invalid bytes of an argument as lone surrogates.
            raise UsageError(f"-p {one_line(assignment, 60)}: it is not UTF-8")
        key, equals, text = assignment.partition("=")
        if not (key and equals):
            raise UsageError(f"-p {one_line(assignment, 60)}: it must look like KEY=JSON")
        if key in _OWN_OPTION:
            raise UsageError(f"-p {key}: use {_OWN_OPTION[key]}")
        parameters[key] = _parse_value(key, text)
    check_fields(parameters)
    return parameters


def check_params(params: Mapping[str, object], label: str) -> Mapping[str, object]:
    """Return the fields of `params` in a configuration file. Raises UsageError for a field with a setting of its own.

    `label` is their place and name, which begins the message.
    """
    for name in params:
        if name in _OWN_OPTION:
            setting = {LIMIT_FIELD: "max_tokens", "reasoning_split": "native_thinking"}.get(name)
            raise UsageError(f"{label}.{one_line(name, 60)}: use {setting or _OWN_OPTION[name]}")
    check_fields(params, f"{label}.")
    return params


def check_fields(parameters: Mapping[str, object], place: str = "") -> None:
    """Raise UsageError for body fields that the API has removed, and for more than one answer; `place` begins the message."""
    for old, new in _REMOVED.items():
        if old in parameters:
            raise UsageError(f"{place}{old} is no longer supported by the API: use {new}")
    if parameters.get("n", 1) != 1 or parameters.get("n") is True:
        raise UsageError(
            f"{place}n: the API gives one answer for each request; send several requests instead"
        )


def _dash(name: str) -> str:
    return name.replace("_", "-")


def build_sampling(
    temperature: object, top_p: object, max_tokens: object, *, label: Callable[[str], str] = _dash
) -> dict[str, object]:
    """Return the body fields of --temperature, --top-p and --max-tokens (None: not sent).

    The range of the temperature depends on the model. Raises UsageError, with the `label` of the setting.
    """
    if temperature is not None and not (_is_number(temperature) and -_GREATEST <= temperature <= _GREATEST):
        raise UsageError(f"{label('temperature')} is {_shorten(temperature)}: it must be a finite number")
    # NaN fails this comparison.
    if top_p is not None and not (_is_number(top_p) and 0 <= top_p <= 1):
        raise UsageError(f"{label('top_p')} is {_shorten(top_p)}: it must be from 0 to 1")
    if max_tokens is not None and not (
        isinstance(max_tokens, int) and _is_number(max_tokens) and max_tokens >= 1
    ):
        raise UsageError(
            f"{label('max_tokens')} is {_shorten(max_tokens)}: it must be a whole number, at least 1"
        )
    given = {"temperature": temperature, "top_p": top_p, LIMIT_FIELD: max_tokens}
    return {name: value for name, value in given.items() if value is not None}


def check_for_model(
    parameters: Mapping[str, object], model: Model | None, label: Callable[[str], str] = _dash
) -> Iterator[str]:
    """Yield a warning about the parameters that the API or the model ignores, if there are any.

    `model` is None if the catalogue does not know it. Raises UsageError for a temperature that the model does not
    accept, and for more tokens than it can give, with the `label` of the setting.
    """
    if model is not None:
        _check_ranges(parameters, model, label)
    by_model = model.ignored if model is not None else ()
    ignored = [name for name in dict.fromkeys((*_IGNORED, *by_model)) if name in parameters]
    if ignored:
        yield f"{model.id if model is not None else 'the API'} ignores {', '.join(ignored)}"


def find_token_limit(parameters: Mapping[str, object]) -> int | None:
    """Return the limit on the tokens of the answer, under either name; None without one."""
    found = parameters.get(LIMIT_FIELD, parameters.get(OLD_LIMIT_FIELD))
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _check_ranges(parameters: Mapping[str, object], model: Model, label: Callable[[str], str]) -> None:
    most = find_token_limit(parameters)
    if most is not None and most > model.max_output:
        raise UsageError(f"{label('max_tokens')} is {most}: {model.id} gives at most {model.max_output}")
    temperature = parameters.get("temperature")
    if isinstance(temperature, int | float) and temperature not in model.temperature:
        raise UsageError(
            f"{label('temperature')} is {_shorten(temperature)}: for {model.id} it must be {model.temperature}"
        )


def _is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a number of JSON, where `true` is not 1."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shorten(value: object) -> str:
    return one_line(str(value), 60)


def _parse_value(key: str, text: str) -> object:
    try:
        value = strict_json.loads(text)
        reject_lone_surrogates(value)
    except strict_json.TooLarge as error:
        raise UsageError(f"-p {key}: {one_line(str(error), 60)}") from error
    except ValueError as error:
        hint = f"; for a text write -p '{key}=\"{text}\"'" if text.isalnum() else ""
        raise UsageError(f"-p {key}: {one_line(text, 60)} is not JSON{hint}") from error
    return value
