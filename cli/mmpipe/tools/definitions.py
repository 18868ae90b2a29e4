"""Reads the definitions of tools, and holds the arguments of a call against them; pure."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mmpipe.errors import InputError, UsageError
from mmpipe.structured.schema import Schema, is_too_deep
from mmpipe.text import strict_json
from mmpipe.text.json_bytes import json_bytes
from mmpipe.text.visible import one_line

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# What other APIs call the parameters; dropped in silence, the model would be told that there are none.
_ELSEWHERE: Final = ("input_schema", "inputSchema", "parametersJsonSchema")


class NotJson(Exception):
    """Arguments that are no JSON, which the API does not take back in a history either (api_facts 3.3)."""


class BadArguments(Exception):
    """Arguments in JSON that the parameters of the tool do not allow; its text says why, for the model."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What the model can call: the definition as it is sent, and what it says about the arguments."""

    name: str
    definition: Mapping[str, object]
    schema: Schema


def parse_tools(text: str, name: str) -> tuple[Tool, ...]:
    """The tools in a file called `name`, in an array, alone, or one on each line; raises InputError.

    A function without the envelope of the API gets it, and one without parameters gets empty ones, which the
    API insists on; else a definition stays as it is.
    """
    tools = tuple(_tool(value, where) for where, value in _definitions(text, name))
    if not tools:
        raise InputError(f"{name} defines no tool")
    for tool, number in Counter(tool.name for tool in tools).items():
        if number > 1:
            raise InputError(f"{name} defines {tool!r} {number} times")
    return tools


def arguments_of(call_arguments: str, tool: Tool) -> bytes:
    """The arguments of a call as a line of JSON, none being `{}`; raises NotJson and BadArguments."""
    try:
        value = strict_json.loads(call_arguments) if call_arguments.strip() else {}
    except ValueError as error:
        raise NotJson(one_line(str(error), 200)) from error
    if not isinstance(value, dict):
        raise BadArguments("$: the arguments must be one JSON object.")
    complaint = tool.schema.complaint(value)
    if complaint is not None:
        raise BadArguments(complaint)
    return json_bytes(value) + b"\n"


def _definitions(text: str, name: str) -> Iterator[tuple[str, object]]:
    """Each of them, with the words for where it stands."""
    try:
        value = _loads(text)
    except ValueError as error:
        yield from _lines(text, name, error)
        return
    if isinstance(value, dict) and isinstance(value.get("tools"), list):
        # The body of a request that has them.
        value = value["tools"]
    values = value if isinstance(value, list) else [value]
    for number, definition in enumerate(values, 1):
        yield f"{name}: tool {number}", definition


def _lines(text: str, name: str, as_a_whole: ValueError) -> Iterator[tuple[str, object]]:
    is_begun = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        try:
            yield where, _loads(line)
        except ValueError as error:
            # Where not even the first line is JSON, lines of it were never meant.
            what, reason = (where, error) if is_begun else (name, as_a_whole)
            raise InputError(f"{what} is not JSON: {one_line(str(reason), 200)}") from error
        is_begun = True


def _loads(text: str) -> object:
    value = strict_json.loads(text)
    if is_too_deep(value):
        raise ValueError("nested too deep")
    # Half a character can be written in JSON, and in no request.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _tool(definition: object, where: str) -> Tool:
    envelope = _envelope(definition, where)
    function = envelope["function"]
    if not isinstance(function, dict):
        raise InputError(f"{where}: its function must be an object")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where} has no name")
    if not _NAME.fullmatch(name):
        shown = one_line(name, 80)
        raise InputError(f"{where}: {shown!r} is no name of a tool: 1 to 64 of A-Z a-z 0-9 _ . -")
    if function.get("parameters") in (None, {}):
        function = {**function, "parameters": {"type": "object", "properties": {}}}
        envelope = {**envelope, "function": function}
    return Tool(name, envelope, _schema(function, f"{where} ({name})"))


def _envelope(definition: object, where: str) -> dict[str, object]:
    """The definition as the API has it, of one that may be the bare function."""
    if not isinstance(definition, dict):
        raise InputError(f"{where} is no JSON object")
    is_bare = "function" not in definition
    kind = definition.get("type", "function" if is_bare else None)
    if kind != "function":
        shown = one_line(json.dumps(kind), 60)
        raise InputError(f'{where}: invalid tool type: {shown}, it must be "function"')
    if not is_bare:
        return definition
    return {"type": "function", "function": {key: definition[key] for key in definition if key != "type"}}


def _schema(function: Mapping[str, object], where: str) -> Schema:
    for key in _ELSEWHERE:
        if key in function:
            raise InputError(f"{where} has {key}: in this API it is called parameters")
    parameters = function["parameters"]
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise InputError(f"{where}: its parameters must be a JSON Schema of type object")
    try:
        return Schema.parse(json.dumps(parameters), f"{where}: the value of parameters")
    except UsageError as error:
        raise InputError(error.message) from error
