"""Escapes the references of a schema: many generators write them as they write names, and not as URIs; pure."""

import re
from typing import Final
from urllib.parse import quote

from mmpipe.structured.members import map_members

_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$id"})
_ILLEGAL: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]")


def escape_references(schema: object) -> object:
    """Return a copy of `schema` in which each reference is a valid URI: `#/$defs/Foo<Bar>` is `#/$defs/Foo%3CBar%3E`."""
    return map_members(
        schema, lambda key, value: _escape(value) if key in _REFERENCES and isinstance(value, str) else value
    )


def _escape(reference: str) -> str:
    document, mark, fragment = reference.partition("#")
    return _quote(document) + mark + _quote(fragment)


def _quote(part: str) -> str:
    # A lone surrogate stays one, which is refused with the whole text.
    return _ILLEGAL.sub(lambda found: quote(found[0], safe="", errors="surrogatepass"), part)
