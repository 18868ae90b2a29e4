"""Validates JSON values against a JSON Schema, and describes the errors for a model and a person."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Self

from mmpipe.dataclass import dataclass
from mmpipe.structured.describing import describe_error
from mmpipe.structured.schema_folder import SchemaFolder
from mmpipe.structured.schema_text import (
    DEEPEST,
    check_is_schema,
    compact_schema,
    parse_schema_text,
    unwrap_schema,
)
from mmpipe.structured.validators import build_validator
from mmpipe.text import strict_json
from mmpipe.text.counts import format_count

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

# A repair is paid by its length, and the sixth error is mostly like the first.
_MOST_COMPLAINTS: Final = 5
_LARGE: Final = 1000  # values; each may be an error, which is described with a copy of the value


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema of the draft that its `$schema` names, 2020-12 if it names none; `text` is compact JSON.

    A known `format` (`date`, `email`, `uuid` ...) is checked, as its author expects. `fields` are the names of the
    properties at the top, in their order; none if the schema has no such list.
    """

    text: str
    _validator: "Validator" = field(repr=False, compare=False)
    fields: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Return the schema; raises InputError, whose message calls the schema `name`."""
        value = parse_schema_text(text, name)
        return cls(compact_schema(text, name), build_validator(value, SchemaFolder(name)))

    @classmethod
    def parse_file(cls, text: str, path: str, read: Callable[[str], str] | None) -> Self:
        """Return the schema in the text of the file `path`, out of the wrappers of APIs. Raises InputError.

        It may refer to files in its folder, whose texts come from `read`; `text` then holds these too. Standard input has no
        folder (None).
        """
        value = unwrap_schema(parse_schema_text(text, path))
        check_is_schema(value, path)
        schema = value if isinstance(value, dict | bool) else True
        # Before the validator, which knows no lone surrogates.
        compact = compact_schema(text, path, is_wrapped=True)
        folder = SchemaFolder(path)
        if read is not None and isinstance(schema, dict):
            folder = SchemaFolder.of(path, schema, read)
        validator = build_validator(schema, folder)
        parts = [f"It refers to {file}:\n{inner}" for file, inner in sorted(folder.texts.items())]
        properties = schema.get("properties") if isinstance(schema, dict) else None
        return cls(
            "\n".join([compact, *parts]), validator, tuple(properties) if isinstance(properties, dict) else ()
        )

    def is_valid(self, value: object) -> bool:
        """Return True for a valid value."""
        try:
            return not is_too_deep(value) and self._validator.is_valid(value)
        except UnicodeEncodeError:
            return False

    def complaint(self, value: object) -> str:
        """Return the errors of an invalid value with their places, a line each."""
        if is_too_deep(value):
            return f"$: it is nested too deep, at most {DEEPEST} levels are allowed."
        try:
            errors = list(self._errors(value))
        except UnicodeEncodeError:
            return "$: a string in it holds a lone surrogate, which is no character."
        lines = [describe_error(error) for error in errors[:_MOST_COMPLAINTS]]
        more = len(errors) - len(lines)
        return "\n".join([*lines, f"And {format_count(more, 'more error')}."] if more else lines)

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


def is_too_deep(value: object) -> bool:
    """True if arrays and objects are nested so deep that recursive code, here and elsewhere, may fail."""
    return strict_json.is_deeper(value, DEEPEST)


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
