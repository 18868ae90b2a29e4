"""Changes the members of a schema, and of the schemas inside it; pure."""

from collections.abc import Callable
from typing import Final

# Members whose values are values of the user, and no schemas. Gemini and OpenAPI have `example`.
_VALUES: Final = frozenset({"const", "default", "enum", "example", "examples"})
# Members whose names are names of the user.
_NAMED: Final = frozenset(
    {
        "properties",
        "patternProperties",
        "$defs",
        "definitions",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
    }
)


def map_members(schema: object, change: Callable[[str, object], object]) -> object:
    """Return a copy of `schema` in which each keyword has the value that `change` makes of its name and value.

    Names and values of the user are no keywords, also those that are called `type` or `$ref`.
    """
    if isinstance(schema, list):
        return [map_members(inner, change) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _map_inside(key, change(key, value), change) for key, value in schema.items()}


def _map_inside(key: str, value: object, change: Callable[[str, object], object]) -> object:
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: map_members(inner, change) for name, inner in value.items()}
    return map_members(value, change)
