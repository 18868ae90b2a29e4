"""Holds a JSON value against a JSON Schema, and says to a model and to a person what is wrong with it."""

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

# A repair turn is paid by its length, and what is wrong in the sixth place is mostly wrong in the first.
_MOST_COMPLAINTS: Final = 5
_MOST_ALTERNATIVES: Final = 3
# The validator's own limit is 255 levels where it quotes a value; where it only walks, there is none, and
# some thousand levels overflow its stack, which ends the process.
_DEEPEST: Final = 200
_LARGE: Final = 1000  # values; each may be wrong, and each complaint is made with a copy of what it is about


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema of the draft that its `$schema` names, 2020-12 if it names none; `text` is compact JSON.

    `format` is checked where it is known (`date`, `email`, `uuid` ...), as people expect who write it down.
    """

    text: str
    _validator: "Validator" = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """The schema that `text` is; raises InputError, which calls it `name`."""
        try:
            value = strict_json.loads(text)
        except ValueError as error:
            raise InputError(f"{name} is not JSON: {one_line(str(error), 200)}") from error
        if not isinstance(value, dict | bool):
            raise InputError(f"{name} is no JSON Schema: that is an object, true or false")
        if is_too_deep(value):
            raise InputError(f"{name} is nested too deep: at most {_DEEPEST} levels can be checked")
        return cls(_compact(text, name), _validator(value, name))

    def complaint(self, value: object) -> str | None:
        """None for a valid value, else what is wrong with it and where, a line each."""
        if is_too_deep(value):
            return f"$: it is nested too deep, at most {_DEEPEST} levels are allowed."
        try:
            if self._validator.is_valid(value):
                return None
            errors = list(self._errors(value))
        except UnicodeEncodeError:
            return "$: a string in it holds half of a surrogate pair, which is no character."
        lines = [_sentence(error) for error in errors[:_MOST_COMPLAINTS]]
        more = len(errors) - len(lines)
        return "\n".join([*lines, f"And {more} more of the kind."] if more else lines)

    def _errors(self, value: object) -> "Iterator[ValidationError]":
        """All that is wrong with it, or only the first thing of a value so large that all of it could not be told in time."""
        import jsonschema_rs

        if not _has_more_parts(value, _LARGE):
            yield from self._validator.iter_errors(value)
            return
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            yield error


def _validator(schema: dict[str, object] | bool, name: str) -> "Validator":
    # Costs 30 ms, and most runs need none.
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except jsonschema_rs.ValidationError as error:
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing):
            rule = "a schema must hold all that it refers to, for nothing is fetched"
            drafts = "the known drafts are 4, 6, 7, 2019-09 and 2020-12"
            raise InputError(f"{name}: {_shortened(error.message)}; {rule}; {drafts}") from error
        raise InputError(f"{name} is no valid JSON Schema: {_sentence(error)}") from error


def _compact(text: str, name: str) -> str:
    try:
        return exact_json.compact(text)
    except UnicodeEncodeError as error:
        raise InputError(f"{name} holds half of a surrogate pair, which is no character") from error


def is_too_deep(value: object) -> bool:
    """Whether arrays and objects are nested so deep that those who walk them, here and elsewhere, may fall."""
    return strict_json.is_deeper(value, _DEEPEST)


def _has_more_parts(value: object, limit: int) -> bool:
    """Whether more than `limit` values stand in it, at whatever depth."""
    level, seen = [value], 0
    while level and seen <= limit:
        seen += len(level)
        level = list(islice(chain.from_iterable(map(_children, level)), limit + 1))
    return seen > limit


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _sentence(error: "ValidationError") -> str:
    from jsonschema_rs import ValidationErrorKind

    what = _shortened(error.message)
    if isinstance(error.kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        # Which alternative was meant cannot be known: the first trouble of each.
        first = [branch[0] for branch in error.kind.context if branch][:_MOST_ALTERNATIVES]
        alternatives = "; or ".join(
            f"{_path(each.instance_path)}: {_shortened(each.message)}" for each in first
        )
        what = f"none of the alternatives fits: {alternatives}" if alternatives else what
    return one_line(f"{_path(error.instance_path)}: {what}.", 1000)


def _path(steps: Iterable[str | int]) -> str:
    return _shortened("$" + "".join(map(_step, steps)))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def _shortened(text: str, limit: int = 200) -> str:
    """Both ends of it: a message opens with the value, which may be huge, and closes with what is wrong."""
    half = limit // 2
    return one_line(text if len(text) <= limit else f"{text[:half]}\u2026{text[-half:]}")
