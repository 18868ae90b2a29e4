"""Escapes the references of a schema: many generators write them as they write names, and not as URIs; pure."""

import re
from typing import Final
from urllib.parse import quote

_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$id"})
# Members whose values are values of the user, and no schemas.
_VALUES: Final = frozenset({"const", "enum", "default", "examples"})
# Members whose names are names of the user.
_NAMED: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
_ILLEGAL: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]")


def escape_references(schema: object) -> object:
    """Return a copy of `schema` in which each reference is a valid URI: `#/$defs/Foo<Bar>` is `#/$defs/Foo%3CBar%3E`."""
    if isinstance(schema, list):
        return [escape_references(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _escape_member(key, value) for key, value in schema.items()}


def _escape_member(key: str, value: object) -> object:
    if key in _REFERENCES and isinstance(value, str):
        return _escape(value)
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: escape_references(inner) for name, inner in value.items()}
    return escape_references(value)


def _escape(reference: str) -> str:
    document, mark, fragment = reference.partition("#")
    return _quote(document) + mark + _quote(fragment)


def _quote(part: str) -> str:
    # A lone surrogate stays one, which is refused with the whole text.
    return _ILLEGAL.sub(lambda found: quote(found[0], safe="", errors="surrogatepass"), part)
