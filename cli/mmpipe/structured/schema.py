"""Validates JSON values against a JSON Schema, and describes the errors for a model and a person."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Self

from mmpipe.errors import InputError
from mmpipe.text import exact_json, strict_json
from mmpipe.text.visible import one_line

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

# A repair is paid by its length, and the sixth error is mostly like the first.
_MOST_COMPLAINTS: Final = 5
_MOST_ALTERNATIVES: Final = 3
# The validator has a limit of 255 levels only where it quotes a value. Elsewhere some thousand levels overflow its
# stack, which ends the process.
_DEEPEST: Final = 200
_LARGE: Final = 1000  # values; each may be an error, which is described with a copy of the value


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema of the draft that its `$schema` names, 2020-12 if it names none; `text` is compact JSON.

    A known `format` (`date`, `email`, `uuid` ...) is checked, as its author expects.
    """

    text: str
    _validator: "Validator" = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Return the schema; raises InputError, whose message calls the schema `name`."""
        try:
            value = strict_json.loads(text)
        except ValueError as error:
            raise InputError(f"{name} is not JSON: {one_line(str(error), 200)}") from error
        if not isinstance(value, dict | bool):
            raise InputError(f"{name} is no JSON Schema: a schema is an object, true or false")
        if is_too_deep(value):
            raise InputError(f"{name} is nested too deep: at most {_DEEPEST} levels can be checked")
        return cls(_compact(text, name), _build_validator(value, name))

    def complaint(self, value: object) -> str | None:
        """Return None for a valid value, otherwise its errors with their places, a line each."""
        if is_too_deep(value):
            return f"$: it is nested too deep, at most {_DEEPEST} levels are allowed."
        try:
            if self._validator.is_valid(value):
                return None
            errors = list(self._errors(value))
        except UnicodeEncodeError:
            return "$: a string in it holds a lone surrogate, which is no character."
        lines = [_describe(error) for error in errors[:_MOST_COMPLAINTS]]
        more = len(errors) - len(lines)
        return "\n".join([*lines, f"And {more} more errors."] if more else lines)

    def _errors(self, value: object) -> "Iterator[ValidationError]":
        """All errors of the value; only the first error of a large value, where all of them would take too long."""
        import jsonschema_rs

        if not _has_more_values(value, _LARGE):
            yield from self._validator.iter_errors(value)
            return
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            yield error


def _build_validator(schema: dict[str, object] | bool, name: str) -> "Validator":
    # Costs 30 ms, and most runs need none.
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except jsonschema_rs.ValidationError as error:
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing):
            rule = "a schema must hold everything that it refers to, since nothing is fetched"
            drafts = "the known drafts are 4, 6, 7, 2019-09 and 2020-12"
            raise InputError(f"{name}: {_shorten(error.message)}; {rule}; {drafts}") from error
        raise InputError(f"{name} is no valid JSON Schema: {_describe(error)}") from error


def _compact(text: str, name: str) -> str:
    try:
        return exact_json.compact(text)
    except UnicodeEncodeError as error:
        raise InputError(f"{name} holds a lone surrogate, which is no character") from error


def is_too_deep(value: object) -> bool:
    """True if arrays and objects are nested so deep that recursive code, here and elsewhere, may fail."""
    return strict_json.is_deeper(value, _DEEPEST)


def _has_more_values(value: object, limit: int) -> bool:
    """True if the value has more than `limit` values inside, at any depth."""
    level, seen = [value], 0
    while level and seen <= limit:
        seen += len(level)
        level = list(islice(chain.from_iterable(map(_children, level)), limit + 1))
    return seen > limit


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _describe(error: "ValidationError") -> str:
    from jsonschema_rs import ValidationErrorKind

    what = _shorten(error.message)
    if isinstance(error.kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        # Nobody knows which alternative was meant: give the first error of each.
        first = [branch[0] for branch in error.kind.context if branch][:_MOST_ALTERNATIVES]
        alternatives = "; or ".join(
            f"{_format_path(each.instance_path)}: {_shorten(each.message)}" for each in first
        )
        what = f"no alternative is valid: {alternatives}" if alternatives else what
    return one_line(f"{_format_path(error.instance_path)}: {what}.", 1000)


def _format_path(steps: Iterable[str | int]) -> str:
    return _shorten("$" + "".join(map(_format_step, steps)))


def _format_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def _shorten(text: str, limit: int = 200) -> str:
    """Return both ends of the text: a message begins with the value, which may be huge, and ends with the error."""
    half = limit // 2
    return one_line(text if len(text) <= limit else f"{text[:half]}\u2026{text[-half:]}")
