"""Build a JSON value that a schema accepts, with values of the prompt where they fit; bounded, whatever the schema is.

No library is used: those that generate from a schema draw at random, know no prompt, and bring a dozen packages. What
is built here is checked as a whole by the validator of `--schema`, so it need not know every keyword.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from itertools import product
from typing import Final

from mmpipe.simulator.asked_schema import AskedSchema
from mmpipe.simulator.json_text import Json
from mmpipe.simulator.scalars import ScalarSource, ValuePlace
from mmpipe.simulator.schema_check import Check, NoInstance, build_check, build_resolver
from mmpipe.simulator.subschemas import Rules, Subschema
from mmpipe.text import strict_json

_DEEPEST_SCHEMA: Final = 100
_DEEPEST_VALUE: Final = 40
_ATTEMPTS: Final = 3
_MOST_RULES: Final = 10_000  # looked at for one value; a member or a constant is one too
_VALUE_COST: Final = 2
_PATTERN_COST: Final = 100
_MOST_ITEMS: Final = 1000
_ITEMS: Final = 5  # that a prompt gives, if more are allowed
_TIMES_IN_ITSELF: Final = 2
_TRIES: Final = 20  # to find an item that is not in the array


class OptionalMembers(Enum):
    """The members of objects that are built though nothing requires them."""

    ALL = auto()
    GIVEN = auto()
    """Those whose value the prompt holds."""
    NONE = auto()


def build_instance(asked: AskedSchema, text: str, optional: OptionalMembers = OptionalMembers.ALL) -> object:
    """Return a value that the schema accepts, the same for the same `text`; raises NoInstance."""
    if strict_json.is_deeper([asked.schema, *asked.documents.values()], _DEEPEST_SCHEMA):
        raise NoInstance
    check = build_check(asked.schema, asked.documents)
    root = Subschema(asked.schema, build_resolver(asked.schema, asked.documents), asked.schema)
    for choice in dict.fromkeys((optional, OptionalMembers.NONE)):
        builder = _Builder(root, text, choice)
        for attempt in range(_ATTEMPTS):
            with suppress(NoInstance, RecursionError):
                value = builder.build(attempt)
                if check(value):
                    return value
    raise NoInstance


class _Builder:
    """Builds values, another one at each attempt."""

    def __init__(self, root: Subschema, text: str, optional: OptionalMembers) -> None:
        self._root = root
        self._draft = {"$schema": root.rules["$schema"]} if "$schema" in root.rules else {}
        self._text = text
        self._optional = optional
        self._scalars = ScalarSource("", 0)
        self._left = _MOST_RULES
        self._referred: dict[str, Subschema] = {}

    def build(self, attempt: int) -> object:
        self._scalars = ScalarSource(self._text, attempt)
        return self._value([self._root], ValuePlace())

    def _value(self, schemas: Sequence[Subschema], place: ValuePlace) -> object:
        if len(place.path) > _DEEPEST_VALUE:
            raise NoInstance
        parts, branches, place = self._spread(schemas, place)
        if not branches:
            return self._of_rules(Rules(tuple(parts)), place)
        for chosen in product(*(self._arrange(alternatives, place) for alternatives in branches)):
            try:
                return self._value([*(replace(part, is_spread=True) for part in parts), *chosen], place)
            except NoInstance:
                if self._left < 0:
                    raise
        raise NoInstance

    def _spread(
        self, schemas: Sequence[Subschema], place: ValuePlace
    ) -> tuple[list[Subschema], list[list[Subschema]], ValuePlace]:
        """Return the parts of schemas, the alternatives to choose from, and the place with the references."""
        parts, branches, waiting = list[Subschema](), list[list[Subschema]](), list(schemas)
        for part in waiting:
            self._spend_on(part)
            if part.schema is False:
                raise NoInstance
            parts.append(part)
            if part.is_spread:
                continue
            waiting += part.listed("allOf")
            branches += part.branches()
            for reference in part.references():
                address = f"{part.resolver.base_uri} {reference}"
                if place.references.count(address) >= _TIMES_IN_ITSELF:
                    raise NoInstance
                place = replace(place, references=(*place.references, address))
                if address not in self._referred:
                    self._referred[address] = part.resolve(reference)
                waiting.append(self._referred[address])
        return parts, branches, place

    def _spend_on(self, part: Subschema) -> None:
        sizes = (len(inner) for inner in part.rules.values() if isinstance(inner, list | dict))
        self._spend(1 + len(part.rules) + sum(sizes) + ("pattern" in part.rules) * _PATTERN_COST)

    def _spend(self, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise NoInstance

    def _arrange(self, alternatives: list[Subschema], place: ValuePlace) -> list[Subschema]:
        first = self._scalars.pick(len(alternatives), place)
        turned = [*alternatives[first:], *alternatives[:first]]
        return sorted(turned, key=lambda each: each.rules.get("type") == "null")

    def _of_rules(self, rules: Rules, place: ValuePlace) -> object:
        self._spend(_VALUE_COST)
        fits = rules.build_check(self._draft)
        if rules.has("enum", "const"):
            return self._scalars.take_constant(rules, place, fits)
        for kind in rules.types():
            try:
                return self._of_type(kind, rules, place, fits)
            except NoInstance:
                continue
        raise NoInstance

    def _of_type(self, kind: str, rules: Rules, place: ValuePlace, fits: Check) -> object:
        match kind:
            case "object":
                return self._object(rules, place)
            case "array":
                return self._array(rules, place)
            case _:
                return self._scalars.take(kind, rules, place, fits)

    def _object(self, rules: Rules, place: ValuePlace) -> Json:
        names, required = rules.names("properties"), dict.fromkeys(rules.names("required"))
        free = min(rules.numbers("maxProperties"), default=len(names) + len(required)) - len(required)
        built: Json = {}
        for name in dict.fromkeys((*names, *required)):
            is_free = name not in required
            if is_free and (free <= 0 or self._optional is OptionalMembers.NONE):
                continue
            inside = place.inside(name, invents=not is_free or self._optional is OptionalMembers.ALL)
            try:
                built[name] = self._value(self._member(rules, name), inside)
            except NoInstance:
                if not is_free:
                    raise
            else:
                free -= is_free
        self._fill(built, rules, place)
        if not (built or place.invents):
            raise NoInstance
        return built

    def _fill(self, built: Json, rules: Rules, place: ValuePlace) -> None:
        """Add members until there are as many as there must be."""
        least = max(rules.numbers("minProperties"), default=0)
        if least > _MOST_ITEMS:
            raise NoInstance
        for number in range(int(least) + _TRIES):
            if len(built) >= least:
                return
            name = str(self._value(self._name_of_member(rules), place.inside(number, invents=True)))
            built[name] = self._value(self._member(rules, name), place.inside(name, invents=True))
        raise NoInstance

    def _name_of_member(self, rules: Rules) -> list[Subschema]:
        patterns = [{"pattern": name} for name in rules.names("patternProperties")[:1]]
        named = [
            part.inner(part.rules["propertyNames"]) for part in rules.parts if "propertyNames" in part.rules
        ]
        return [self._root.inner({"type": "string", "allOf": patterns}), *named]

    def _member(self, rules: Rules, name: str) -> list[Subschema]:
        """Return the schemas for a member of an object."""
        found = []
        for part in rules.parts:
            patterns = Rules((part,)).names("patternProperties")
            matching = [pattern for pattern in patterns if self._matches(pattern, name)]
            own = part.member("properties", name)
            own += [schema for pattern in matching for schema in part.member("patternProperties", pattern)]
            found += own or [part.inner(part.rules.get("additionalProperties", True))]
        return found

    def _matches(self, pattern: str, name: str) -> bool:
        self._spend(_PATTERN_COST)
        return build_check({"pattern": pattern})(name)

    def _array(self, rules: Rules, place: ValuePlace) -> list[object]:
        least = max(rules.numbers("minItems"), default=0)
        most = min(rules.numbers("maxItems"), default=_MOST_ITEMS)
        if least > _MOST_ITEMS:
            raise NoInstance
        built: list[object] = []
        while len(built) < min(most, max(least, _ITEMS)):
            is_free = len(built) >= max(least, 1)
            try:
                item = self._item(rules, built, place, is_free=is_free)
            except NoInstance:
                if len(built) < least:
                    raise
                break
            built.append(item)
        if not (built or place.invents):
            raise NoInstance
        return built

    def _item(self, rules: Rules, built: list[object], place: ValuePlace, *, is_free: bool) -> object:
        """Return the next item; one that repeats another only where more are needed and none of them is unique."""
        number = len(built)
        schemas = [schema for part in rules.parts for schema in part.item(number)]
        unique = is_free or any(rules.values("uniqueItems"))
        for again in range(_TRIES if unique else 1):
            inside = place.inside(number + again * _MOST_ITEMS, invents=not is_free)
            item = self._value(schemas, inside)
            if not unique or item not in built:
                return item
        raise NoInstance
