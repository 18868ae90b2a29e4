"""Take the rules for one value together: those of a schema, of what it refers to, and of its `allOf`."""

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from mmpipe.dataclass import dataclass
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.schema_check import Check, NoInstance, build_check

if TYPE_CHECKING:
    from jsonschema_rs import Resolver

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_SCALARS: Final = (
    *("type", "enum", "const", "minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
)
_OF_TYPE: Final = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "contains", "minItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


@dataclass(frozen=True, slots=True)
class Subschema:
    """A schema, with the resolver of the references in it."""

    schema: object
    resolver: "Resolver"
    document: object = None
    """The document that holds the schema, if that is the one of the request."""
    is_spread: bool = False
    """True if what it refers to stands beside it."""

    def inner(self, schema: object) -> "Subschema":
        """Return a schema inside this one."""
        return Subschema(schema, self.resolver, self.document)

    def listed(self, name: str) -> list["Subschema"]:
        """Return the schemas in a list inside this one."""
        schemas = self.rules.get(name)
        return [self.inner(schema) for schema in schemas] if isinstance(schemas, list) else []

    @property
    def rules(self) -> Json:
        """The members of the schema."""
        return self.schema if isinstance(self.schema, dict) else {}

    def member(self, keyword: str, name: str | int) -> list["Subschema"]:
        """Return the schema of this name, or at this number, in an object or a list of schemas; none if it is missing."""
        match self.rules.get(keyword), name:
            case dict(schemas), str(name) if name in schemas:
                return [self.inner(schemas[name])]
            case list(schemas), int(number) if number < len(schemas):
                return [self.inner(schemas[number])]
            case _:
                return []

    def item(self, number: int) -> list["Subschema"]:
        """Return the schemas of the item of this number, from 0; the first items have what the array must contain."""
        # Until 2019-09 `items` could be the list, and `additionalItems` was for the rest.
        is_listed = isinstance(self.rules.get("items"), list)
        others = self.inner(self.rules.get("additionalItems" if is_listed else "items", True))
        own = [*self.member("prefixItems", number), *self.member("items", number)] or [others]
        contained = self.rules.get("minContains", 1) if "contains" in self.rules else 0
        is_contained = isinstance(contained, int | float) and number < contained
        return [*own, self.inner(self.rules["contains"])] if is_contained else own

    def references(self) -> list[str]:
        """Return the references of the schema, which `resolve` takes."""
        return [reference for name in _REFERENCES if isinstance(reference := self.rules.get(name), str)]

    def resolve(self, reference: str) -> "Subschema":
        """Return the schema to which a reference leads; raises NoInstance."""
        import jsonschema_rs

        if self.document is not None and (reference == "#" or reference.startswith("#/")):
            # The resolver sorts the members, and the values of a prompt go to them in their order.
            return self.inner(_follow(unquote(reference), self.document))
        try:
            found = self.resolver.lookup(reference)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise NoInstance from error
        return Subschema(found.contents, found.resolver)

    def branches(self) -> Iterator[list["Subschema"]]:
        """The alternatives of the schema: a value takes one of each."""
        for name in ("anyOf", "oneOf"):
            if alternatives := self.listed(name):
                yield alternatives
        if "if" in self.rules:
            both = [self.rules["if"], self.rules.get("then", True)]
            yield [self.inner({"allOf": both}), self.inner(self.rules.get("else", True))]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules for one value, of several schemas."""

    parts: tuple[Subschema, ...]

    def values(self, name: str) -> Iterator[object]:
        """The values of a keyword, wherever it stands."""
        return (part.rules[name] for part in self.parts if name in part.rules)

    def numbers(self, *names: str) -> list[int | float]:
        """Return the numbers of some keywords."""
        found = (value for name in names for value in self.values(name))
        return [
            value
            for value in found
            if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        ]

    def names(self, name: str) -> list[str]:
        """Return the names that a keyword lists, or whose schemas it has."""
        listed = (value for value in self.values(name) if isinstance(value, list | dict))
        return [str(each) for value in listed for each in value]

    def has(self, *names: str) -> bool:
        """Return True if one of the keywords stands somewhere."""
        return any(name in part.rules for part in self.parts for name in names)

    def build_check(self, draft: Json) -> Check:
        """Return a check of the rules for strings, numbers and constants; `draft` is the `$schema`, if there is one."""
        scalars = [
            {name: part.rules[name] for name in _OF_SCALARS if name in part.rules} for part in self.parts
        ]
        return build_check({**draft, "allOf": scalars or [{}]})

    def types(self) -> list[str]:
        """Return the types that a value may have, the first ones preferred; null comes last."""
        allowed = [[value] if isinstance(value, str) else value for value in self.values("type")]
        listed = [types for types in allowed if isinstance(types, list)]
        order = map(str, listed[0] if listed else self._guess_types())
        narrowed = [name for kind in order for name in ((kind, "integer") if kind == "number" else (kind,))]
        fitting = [name for name in narrowed if all(_allows(types, name) for types in listed)]
        return sorted(dict.fromkeys(fitting), key="null".__eq__)

    def _guess_types(self) -> list[str]:
        guessed = [name for name, keywords in _OF_TYPE.items() if self.has(*keywords)]
        return [*guessed, "string", *TYPES]


def _allows(types: list[object], name: str) -> bool:
    return name in types or (name == "integer" and "number" in types)


def _follow(pointer: str, document: object) -> object:
    """Return the value to which a JSON Pointer leads; raises NoInstance."""
    value = document
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        match value:
            case dict() if name in value:
                value = value[name]
            case list() if name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            case _:
                raise NoInstance
    return value
