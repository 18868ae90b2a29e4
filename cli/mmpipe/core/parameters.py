"""Checks what the user asks of the model before anything is sent; pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from mmpipe.core.catalogue import Model
from mmpipe.errors import UsageError
from mmpipe.text import strict_json
from mmpipe.text.visible import one_line

# Body fields with an option of their own: one way to say a thing.
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
_OLD = {"function_call": "tool_choice", "functions": "tools"}
# The official page, note 2.
_IGNORED = ("presence_penalty", "frequency_penalty", "logit_bias")


def parse_parameters(assignments: Sequence[str]) -> dict[str, object]:
    """The body fields that `-p KEY=JSON` sets; raises UsageError."""
    parameters: dict[str, object] = {}
    for assignment in assignments:
        if any("\ud800" <= character <= "\udfff" for character in assignment):
            # What Python made of bytes that are no text.
            raise UsageError(f"-p {one_line(assignment, 60)}: it is not UTF-8")
        key, equals, text = assignment.partition("=")
        if not (key and equals):
            raise UsageError(f"-p {one_line(assignment, 60)}: it must look like KEY=JSON")
        if key in _OWN_OPTION:
            raise UsageError(f"-p {key}: use {_OWN_OPTION[key]}")
        parameters[key] = _json(key, text)
    check_fields(parameters)
    return parameters


def check_fields(parameters: Mapping[str, object]) -> None:
    """Raise UsageError for body fields that the API has no more, and for more answers than it gives."""
    for old, new in _OLD.items():
        if old in parameters:
            raise UsageError(f"{old} is no longer supported by the API: use {new}")
    if parameters.get("n", 1) != 1 or parameters.get("n") is True:
        raise UsageError("n: the API gives one answer for each request; ask more than once instead")


def sampling(temperature: object, top_p: object, max_tokens: object) -> dict[str, object]:
    """The body fields of --temperature, --top-p and --max-tokens (None: not sent); raises UsageError."""
    # The comparisons are such that not-a-number fails them. The range is the official page's, note 1.
    if temperature is not None and not (_is_number(temperature) and 0 < temperature <= 1):
        raise UsageError(f"temperature is {_shown(temperature)}: it must be above 0 and at most 1")
    if top_p is not None and not (_is_number(top_p) and 0 <= top_p <= 1):
        raise UsageError(f"top-p is {_shown(top_p)}: it must be from 0 to 1")
    if max_tokens is not None and not (
        isinstance(max_tokens, int) and _is_number(max_tokens) and max_tokens >= 1
    ):
        raise UsageError(f"max-tokens is {_shown(max_tokens)}: it must be a whole number, at least 1")
    given = {"temperature": temperature, "top_p": top_p, "max_completion_tokens": max_tokens}
    return {name: value for name, value in given.items() if value is not None}


def check_for_model(parameters: Mapping[str, object], model: Model | None) -> Iterator[str]:
    """A sentence about the parameters that the API takes and ignores, if there are any.

    `model` is what the catalogue knows of the model, if anything. Raises UsageError for more tokens than it can give.
    """
    most = parameters.get("max_completion_tokens")
    if model is not None and isinstance(most, int) and most > model.max_output:
        raise UsageError(f"max-tokens is {most}: {model.id} gives at most {model.max_output}")
    by_model = model.ignored if model is not None else ()
    ignored = [name for name in dict.fromkeys((*_IGNORED, *by_model)) if name in parameters]
    if ignored:
        yield f"{model.id if model is not None else 'the API'} ignores {', '.join(ignored)}"


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is one to JSON too, where true is no 1."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return one_line(str(value), 60)


def _json(key: str, text: str) -> object:
    try:
        value = strict_json.loads(text)
        # Half a character can be written in JSON, and in no request.
        json.dumps(value, ensure_ascii=False).encode()
    except strict_json.TooLarge as error:
        raise UsageError(f"-p {key}: {one_line(str(error), 60)}") from error
    except ValueError as error:
        hint = f"; for a text say -p '{key}=\"{text}\"'" if text.isalnum() else ""
        raise UsageError(f"-p {key}: {one_line(text, 60)} is not JSON{hint}") from error
    return value
