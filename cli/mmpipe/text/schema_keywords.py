"""The keywords of JSON Schema, by which a schema is known among other JSON; pure."""

from collections.abc import Mapping
from typing import Final

# Of all drafts. A title, a description and the like are no rules, and stand in many other files.
_RULES: Final = """
$dynamicRef $recursiveRef $ref additionalItems additionalProperties allOf anyOf const contains contentEncoding
contentMediaType contentSchema dependencies dependentRequired dependentSchemas disallow divisibleBy else enum
exclusiveMaximum exclusiveMinimum extends format if items maxContains maxItems maxLength maxProperties maximum minContains
minItems minLength minProperties minimum multipleOf not oneOf pattern patternProperties prefixItems properties
propertyNames required then type unevaluatedItems unevaluatedProperties uniqueItems
"""
RULES: Final = frozenset(_RULES.split())
# Members that contain schemas for references, which are no rules by themselves.
DEFINITIONS: Final = frozenset({"$defs", "definitions"})


def has_keyword(value: Mapping[str, object]) -> bool:
    """Return True if the object has a member that only a JSON Schema has."""
    return not value.keys().isdisjoint(RULES | DEFINITIONS | {"$schema"})
