"""Parses the definitions of tools, and validates the arguments of calls against them; pure."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mmpipe.errors import InputError, UsageError
from mmpipe.structured.schema import Schema, is_too_deep
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import encode_json, reject_lone_surrogates
from mmpipe.text.visible import one_line

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Names of `parameters` in other APIs. Ignored, they would leave the model with a tool without parameters.
_FOREIGN_NAMES: Final = ("input_schema", "inputSchema", "parametersJsonSchema")


class ArgumentsNotJson(Exception):
    """Arguments that are not JSON; the API rejects them in a history too (FACTS.md, "Refused requests")."""


class InvalidArguments(Exception):
    """Arguments in JSON that the schema of the tool does not allow; the text gives the model the reason."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model can call: its definition as sent, and the schema of its arguments."""

    name: str
    definition: Mapping[str, object]
    schema: Schema


def parse_tools(text: str, name: str) -> tuple[Tool, ...]:
    """Return the tools in the text of the file `name`: an array, one object, or one object a line. Raises InputError.

    A bare function gets the envelope of the API. A function without parameters gets empty ones, which the API
    requires. Everything else in a definition stays as it is.
    """
    tools = tuple(_parse_tool(value, where) for where, value in _split_definitions(text, name))
    if not tools:
        raise InputError(f"{name} defines no tool")
    for tool, number in Counter(tool.name for tool in tools).items():
        if number > 1:
            raise InputError(f"{name} defines {tool!r} {number} times")
    return tools


def validate_arguments(call_arguments: str, tool: Tool) -> bytes:
    """Return the arguments of a call as a line of JSON, `{}` for none. Raises ArgumentsNotJson and InvalidArguments."""
    try:
        value = strict_json.loads(call_arguments) if call_arguments.strip() else {}
    except ValueError as error:
        raise ArgumentsNotJson(one_line(str(error), 200)) from error
    if isinstance(value, str):
        value = _parse_encoded_twice(value)
    if not isinstance(value, dict):
        raise InvalidArguments("$: the arguments must be one JSON object.")
    complaint = tool.schema.complaint(value)
    if complaint is not None:
        raise InvalidArguments(complaint)
    return encode_json(value) + b"\n"


def _parse_encoded_twice(text: str) -> object:
    """The arguments in a JSON string; some servers encode them twice (FACTS.md, "Tool calls of other servers")."""
    try:
        return strict_json.loads(text)
    except ValueError:
        return text


def _split_definitions(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Yield each definition after its place, such as `FILE: tool 2`."""
    try:
        value = _parse_json(text)
    except ValueError as error:
        yield from _split_lines(text, name, error)
        return
    if isinstance(value, dict) and isinstance(value.get("tools"), list):
        # The body of a request.
        value = value["tools"]
    values = value if isinstance(value, list) else [value]
    for number, definition in enumerate(values, 1):
        yield f"{name}: tool {number}", definition


def _split_lines(text: str, name: str, as_a_whole: ValueError) -> Iterator[tuple[str, object]]:
    is_begun = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        try:
            yield where, _parse_json(line)
        except ValueError as error:
            # If the first line is not JSON either, the file is not JSONL: report the error of the whole.
            what, reason = (where, error) if is_begun else (name, as_a_whole)
            raise InputError(f"{what} is not JSON: {one_line(str(reason), 200)}") from error
        is_begun = True


def _parse_json(text: str) -> object:
    value = strict_json.loads(text)
    if is_too_deep(value):
        raise ValueError("nested too deep")
    reject_lone_surrogates(value)
    return value


def _parse_tool(definition: object, where: str) -> Tool:
    envelope = _add_envelope(definition, where)
    function = envelope["function"]
    if not isinstance(function, dict):
        raise InputError(f"{where}: its function must be an object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where} has no name")
    if not _NAME.fullmatch(name):
        shown = one_line(name, 80)
        raise InputError(f"{where}: {shown!r} is not a valid name of a tool: 1 to 64 of A-Z a-z 0-9 _ . -")
    if function.get("parameters") in (None, {}):
        function = {**function, "parameters": {"type": "object", "properties": {}}}
        envelope = {**envelope, "function": function}
    return Tool(name, envelope, _parse_schema(function, f"{where} ({name})"))


def _add_envelope(definition: object, where: str) -> dict[str, object]:
    """Return the definition in the form of the API: `{"type": "function", "function": ...}`."""
    if not isinstance(definition, dict):
        raise InputError(f"{where} is not a JSON object")
    is_bare = "function" not in definition
    kind = definition.get("type", "function" if is_bare else None)
    if kind != "function":
        shown = one_line(json.dumps(kind), 60)
        raise InputError(f'{where}: invalid tool type: {shown}: it must be "function"')
    if not is_bare:
        return definition
    return {"type": "function", "function": {key: definition[key] for key in definition if key != "type"}}


def _parse_schema(function: Mapping[str, object], where: str) -> Schema:
    for key in _FOREIGN_NAMES:
        if key in function:
            raise InputError(f"{where} has {key}: this API calls it parameters")
    parameters = function["parameters"]
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise InputError(f"{where}: its parameters must be a JSON Schema of type object")
    try:
        return Schema.parse(json.dumps(parameters), f"{where}: the value of parameters")
    except UsageError as error:
        raise InputError(error.message) from error
