"""Converts the definitions of tools that other APIs and programs write to OpenAI's form, or refuses them by name; pure.

Nothing is guessed: a definition whose arguments are not understood would be sent as a tool without parameters.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.structured.members import map_members
from mmpipe.structured.schema import is_too_deep
from mmpipe.text.json_encoding import has_lone_surrogate
from mmpipe.text.schema_keywords import has_keyword
from mmpipe.text.visible import one_line

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# The names of the arguments' JSON Schema: of OpenAI, MCP, Anthropic and Gemini.
_SCHEMA_NAMES: Final = (
    "parameters",
    "inputSchema",
    "input_schema",
    "parametersJsonSchema",
    "parameters_json_schema",
)
_LISTS: Final = ("tools", "functions", "function_declarations", "functionDeclarations")
# What a definition may hold beside its arguments: words about it, results, hints for a program that runs tools.
_NO_ARGUMENTS: Final = frozenset(
    (
        "name",
        "title",
        "description",
        "strict",
        "annotations",
        "cache_control",
        "category",
        "execution",
        "icons",
        "id",
        "meta",
        "metadata",
        "outputSchema",
        "output_schema",
        "response",
        "responseJsonSchema",
        "returns",
        "tags",
        "version",
    )
)
_GEMINI_TYPES: Final = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})
_EXPECTED: Final = "the JSON Schema of the arguments is expected as parameters (OpenAI), inputSchema (MCP) or input_schema (Anthropic)"


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool in OpenAI's form; `where` is its place, such as `FILE: tool 2`, and `parameters` are part of `envelope`."""

    where: str
    name: str
    envelope: dict[str, object]
    parameters: dict[str, object]


def convert_tools(value: object, name: str) -> Iterator[Definition]:
    """Yield each definition in `value`, which errors call `name`. Raises InputError.

    `value` is one definition, an array, the body of a request, or the reply to MCP's `tools/list`. What is in OpenAI's
    form stays as it is.
    """
    if is_too_deep(value):
        raise InputError(f"{name}: nested too deep")
    if has_lone_surrogate(value):
        raise InputError(f"{name}: a lone surrogate is no character")
    definitions = list(_list_definitions(value, name))
    for number, definition in enumerate(definitions, 1):
        yield _convert_tool(definition, name if definition is value else f"{name}: tool {number}")


def check_repeated_names(tools: Iterable[Definition], name: str) -> None:
    """Raise InputError if two tools have one name."""
    for tool, number in Counter(tool.name for tool in tools).items():
        if number > 1:
            raise InputError(f"{name} defines {tool!r} {number} times")


def _convert_tool(definition: object, where: str) -> Definition:
    if not isinstance(definition, dict):
        raise InputError(f"{where} is not a JSON object")
    is_bare = "function" not in definition
    _check_kind(definition, where, is_bare=is_bare)
    function = definition.get("function", {key: definition[key] for key in definition if key != "type"})
    if not isinstance(function, dict):
        raise InputError(f"{where}: its function must be an object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where} has no name")
    if not _NAME.fullmatch(name):
        shown = one_line(name, 80)
        raise InputError(f"{where}: {shown!r} is not a valid name of a tool: 1 to 64 of A-Z a-z 0-9 _ . -")
    converted, parameters = _convert_function(function, f"{where} ({name})")
    if is_bare:
        return Definition(where, name, {"type": "function", "function": converted}, parameters)
    envelope = definition if converted is function else {**definition, "function": converted}
    return Definition(where, name, envelope, parameters)


def _list_definitions(value: object, name: str) -> Iterator[object]:
    if isinstance(value, list):
        for entry in value:
            # Gemini's list of tools holds lists of functions.
            is_list = isinstance(entry, dict) and not entry.keys().isdisjoint(_LISTS) and "name" not in entry
            yield from _list_definitions(entry, name) if is_list else [entry]
        return
    if not isinstance(value, dict):
        yield value
        return
    if "jsonrpc" in value and "result" not in value:
        raise InputError(f"{name} is no reply with a list of tools: {_shorten(value.get('error', value))}")
    inner = value["result"] if isinstance(value.get("result"), dict) else value
    if "mcpServers" in inner:
        raise InputError(f"{name} names MCP servers: what a server answers to tools/list is expected")
    found = next((key for key in _LISTS if isinstance(inner.get(key), list)), None)
    if found is None:
        yield value
        return
    if inner.get("nextCursor"):
        raise InputError(f"{name} holds only a part of the tools: its nextCursor leads to more")
    yield from _list_definitions(inner[found], name)


def _check_kind(definition: Mapping[str, object], where: str, *, is_bare: bool) -> None:
    kind = definition.get("type", "function" if is_bare else None)
    if kind == "function" or (
        is_bare and (kind is None or (kind == "custom" and "input_schema" in definition))
    ):
        return
    if kind == "object" and "properties" in definition:
        raise InputError(f"{where} is a JSON Schema and no tool: a tool has a name, and {_EXPECTED}")
    raise InputError(f'{where}: invalid tool type: {_shorten(kind)}: it must be "function"')


def _convert_function(function: dict[str, object], where: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return the function with a JSON Schema as `parameters`, and these; the same function if nothing is to convert."""
    given = [key for key in _SCHEMA_NAMES if function.get(key) is not None]
    if len(given) > 1:
        raise InputError(f"{where} has both {given[0]} and {given[1]}: only one can be its parameters")
    if not given:
        _check_no_arguments(function, where)
    schema = _convert_schema(function[given[0]], given[0], where) if given else {}
    parameters = schema or {"type": "object", "properties": {}}
    if given in ([], ["parameters"]):
        is_same = parameters is function.get("parameters")
        return function if is_same else {**function, "parameters": parameters}, parameters
    description = function.get("description") or function.get("title")
    kept = {"name": function["name"], "description": description, "strict": function.get("strict")}
    named = {key: value for key, value in kept.items() if value is not None}
    return {**named, "parameters": parameters}, parameters


def _check_no_arguments(function: Mapping[str, object], where: str) -> None:
    """Raise InputError for a member that may describe arguments under a name of its own."""
    for key, value in function.items():
        if value and key not in _NO_ARGUMENTS and not key.startswith(("_", "x-")):
            raise InputError(f"{where} has no parameters, but {one_line(key, 60)}: {_EXPECTED}")


def _convert_schema(schema: object, key: str, where: str) -> dict[str, object]:
    if not isinstance(schema, dict):
        raise InputError(f"{where}: its {key} must be a JSON Schema of type object")
    if schema and not has_keyword(schema):
        members = ", ".join(sorted(map(str, schema))[:3])
        raise InputError(
            f"{where}: its {key} must be a JSON Schema of type object, and there is only {one_line(members, 100)}"
        )
    if _is_gemini_type(schema.get("type")):
        lowered = map_members(schema, _lower_types)
        schema = lowered if isinstance(lowered, dict) else schema
    if (kind := schema.get("type", "object")) != "object":
        raise InputError(f"{where}: its {key} must be a JSON Schema of type object, and not {_shorten(kind)}")
    return schema


def _lower_types(key: str, value: object) -> object:
    """Return the value of a keyword in a schema of Gemini, with the types that JSON Schema knows."""
    if key != "type":
        return value
    if isinstance(value, list):
        return [_lower_types(key, kind) for kind in value]
    return value.lower() if isinstance(value, str) and value in _GEMINI_TYPES else value


def _is_gemini_type(value: object) -> bool:
    kinds = value if isinstance(value, list) else [value]
    return any(isinstance(kind, str) and kind in _GEMINI_TYPES for kind in kinds)


def _shorten(value: object) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), 60)
