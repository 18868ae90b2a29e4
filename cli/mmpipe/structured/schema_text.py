"""Parses the text of a schema, and takes it out of the wrappers of APIs; pure."""

from collections.abc import Mapping
from typing import Final

from mmpipe.errors import InputError
from mmpipe.text import exact_json, strict_json
from mmpipe.text.schema_keywords import DEFINITIONS, RULES, has_keyword
from mmpipe.text.visible import one_line

# The validator has a limit of 255 levels only where it quotes a value. Elsewhere some thousand levels overflow its
# stack, which ends the process.
DEEPEST: Final = 200

SchemaValue = dict[str, object] | bool


def parse_schema_text(text: str, name: str) -> SchemaValue:
    """Return the schema in `text`; raises InputError, whose message calls the schema `name`."""
    try:
        value = strict_json.loads(text)
    except ValueError as error:
        # The place of the fault helps in a text that is meant to be JSON.
        is_meant = text.lstrip(strict_json.SPACES).startswith(("{", "["))
        fault = f": {one_line(strict_json.describe_fault(error), 200)}" if is_meant else ""
        raise InputError(f"{name} is not JSON{fault}", hint="--schema wants a JSON Schema") from error
    if not isinstance(value, dict | bool):
        raise InputError(f"{name} is no JSON Schema: a schema is an object, true or false")
    if strict_json.is_deeper(value, DEEPEST):
        raise InputError(f"{name} is nested too deep: at most {DEEPEST} levels can be checked")
    return value


def compact_schema(text: str, name: str, *, is_wrapped: bool = False) -> str:
    """Return the JSON in `text` without spaces; raises InputError for a lone surrogate."""
    value = exact_json.loads(text)
    try:
        return exact_json.dumps(unwrap_schema(value) if is_wrapped else value)
    except UnicodeEncodeError as error:
        raise InputError(f"{name} holds a lone surrogate, which is no character") from error


def unwrap_schema(value: object) -> object:
    """Return the schema inside the wrappers of OpenAI's `response_format`, or `value` itself.

    They are `{"name", "schema", "strict"}`, `{"type": "json_schema", "json_schema": ...}`, `{"response_format": ...}`, and
    `{"text": {"format": ...}}` of the Responses API. No wrapper has a keyword of JSON Schema, but for its `type`.
    """
    while isinstance(value, dict):
        inner = next((value[key] for key in _WRAPPERS if isinstance(value.get(key), dict | bool)), None)
        is_schema = has_keyword({key: value[key] for key in value if key not in ("type", "format")})
        if inner is None or is_schema or value.get("type", "json_schema") != "json_schema":
            break
        value = inner
    return value


def check_is_schema(value: object, name: str) -> None:
    """Raise InputError for JSON that is no schema, or that accepts every value by mistake.

    `{}` and `true` are what the standard calls the schemas that accept every value: nobody writes them by mistake.
    """
    if not isinstance(value, dict) or not value:
        return
    if value.get("type") in ("json_object", "text", "json_schema"):
        kind = one_line(str(value["type"]), 60)
        raise InputError(f'{name} is a response_format of type "{kind}" without a schema')
    if not has_keyword(value):
        members = ", ".join(list(map(str, value))[:3])
        hint = (
            'a list of properties goes into {"type": "object", "properties": ...}'
            if _holds_schemas(value)
            else ""
        )
        raise InputError(
            f"{name} is no JSON Schema: it has no keyword of one, only {one_line(members, 100)}", hint=hint
        )
    names = [inner for key in sorted(DEFINITIONS) if isinstance(inner := value.get(key), dict) and inner]
    if names and value.keys().isdisjoint(RULES):
        key = next(key for key in sorted(DEFINITIONS) if value.get(key))
        first = one_line(next(iter(names[0])), 60)
        raise InputError(
            f'{name} only defines schemas, and would accept every answer: add "$ref": "#/{key}/{first}" or another of them'
        )


def _holds_schemas(value: Mapping[str, object]) -> bool:
    return all(isinstance(inner, dict) and has_keyword(inner) for inner in value.values())


_WRAPPERS: Final = ("response_format", "json_schema", "schema", "text", "format")
