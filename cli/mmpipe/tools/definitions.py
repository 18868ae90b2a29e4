"""Parses the definitions of tools, and validates the arguments of calls against them; pure."""

import json
from collections.abc import Iterator, Mapping

from mmpipe.dataclass import dataclass
from mmpipe.errors import InputError
from mmpipe.structured.schema import Schema
from mmpipe.text import strict_json
from mmpipe.text.json_encoding import encode_json
from mmpipe.text.visible import one_line
from mmpipe.tools.definition_forms import Definition, check_repeated_names, convert_tools


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

    Definitions of other forms are converted (`definition_forms`). A function without parameters gets empty ones, which
    the API requires. Everything else in a definition of OpenAI's form stays as it is.
    """
    found = list(_split_definitions(text, name))
    if not found:
        raise InputError(f"{name} defines no tool")
    check_repeated_names(found, name)
    return tuple(Tool(tool.name, tool.envelope, _parse_schema(tool)) for tool in found)


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
    if not tool.schema.is_valid(value):
        raise InvalidArguments(tool.schema.complaint(value))
    return encode_json(value) + b"\n"


def _parse_encoded_twice(text: str) -> object:
    """The arguments in a JSON string; some servers encode them twice (FACTS.md, "Tool calls of other servers")."""
    try:
        return strict_json.loads(text)
    except ValueError:
        return text


def _split_definitions(text: str, name: str) -> Iterator[Definition]:
    try:
        value = strict_json.loads(text)
    except ValueError as error:
        yield from _split_lines(text, name, error)
        return
    yield from convert_tools(value, name)


def _split_lines(text: str, name: str, as_a_whole: ValueError) -> Iterator[Definition]:
    is_begun = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        try:
            value = strict_json.loads(line)
        except ValueError as error:
            # If the first line is not JSON either, the file is not JSONL: report the error of the whole.
            what, reason = (where, error) if is_begun else (name, as_a_whole)
            raise InputError(f"{what} is not JSON: {one_line(str(reason), 200)}") from error
        is_begun = True
        if isinstance(value, list):
            raise InputError(f"{where} is not a JSON object")
        yield from convert_tools(value, where)


def _parse_schema(tool: Definition) -> Schema:
    return Schema.parse(json.dumps(tool.parameters), f"{tool.where} ({tool.name}): the value of parameters")
