"""Checks the parameters of a request before it is sent; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from mmpipe.core.catalogue import Model
from mmpipe.errors import UsageError
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import reject_lone_surrogates
from mmpipe.text.visible import one_line

# Body fields with their own option, which -p must not set.
_OWN_OPTION = {
    "model": "-m",
    "messages": "the prompt and --system",
    "stream": "--wire",
    "stream_options": "--wire",
    "temperature": "--temperature",
    "top_p": "--top-p",
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
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


def check_fields(parameters: Mapping[str, object]) -> None:
    """Raise UsageError for body fields that the API has removed, and for more than one answer."""
    for old, new in _REMOVED.items():
        if old in parameters:
            raise UsageError(f"{old} is no longer supported by the API: use {new}")
    if parameters.get("n", 1) != 1 or parameters.get("n") is True:
        raise UsageError("n: the API gives one answer for each request; send several requests instead")


def build_sampling(temperature: object, top_p: object, max_tokens: object) -> dict[str, object]:
    """Return the body fields of --temperature, --top-p and --max-tokens (None: not sent). Raises UsageError."""
    # NaN fails these comparisons. The range is the official page's, note 1.
    if temperature is not None and not (_is_number(temperature) and 0 < temperature <= 1):
        raise UsageError(f"temperature is {_shorten(temperature)}: it must be above 0 and at most 1")
    if top_p is not None and not (_is_number(top_p) and 0 <= top_p <= 1):
        raise UsageError(f"top-p is {_shorten(top_p)}: it must be from 0 to 1")
    if max_tokens is not None and not (
        isinstance(max_tokens, int) and _is_number(max_tokens) and max_tokens >= 1
    ):
        raise UsageError(f"max-tokens is {_shorten(max_tokens)}: it must be a whole number, at least 1")
    given = {"temperature": temperature, "top_p": top_p, "max_completion_tokens": max_tokens}
    return {name: value for name, value in given.items() if value is not None}


def check_for_model(parameters: Mapping[str, object], model: Model | None) -> Iterator[str]:
    """Yield a warning about the parameters that the API or the model ignores, if there are any.

    `model` is None if the catalogue does not know it. Raises UsageError for more tokens than the model can give.
    """
    most = parameters.get("max_completion_tokens")
    if model is not None and isinstance(most, int) and most > model.max_output:
        raise UsageError(f"max-tokens is {most}: {model.id} gives at most {model.max_output}")
    by_model = model.ignored if model is not None else ()
    ignored = [name for name in dict.fromkeys((*_IGNORED, *by_model)) if name in parameters]
    if ignored:
        yield f"{model.id if model is not None else 'the API'} ignores {', '.join(ignored)}"


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
