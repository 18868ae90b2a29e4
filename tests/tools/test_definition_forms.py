"""Definitions that other programs write become those of the API, or are refused by name; none loses its arguments."""

import json

import pytest

from mmpipe.errors import InputError
from mmpipe.tools.definitions import parse_tools

pytestmark = pytest.mark.tools

Json = dict[str, object]

PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
EMPTY: Json = {"type": "object", "properties": {}}
ABOUT: Json = {"name": "get_weather", "description": "Weather now"}
FUNCTION: Json = {**ABOUT, "parameters": PARAMETERS}
TOOL: Json = {"type": "function", "function": FUNCTION}
MCP: Json = {**ABOUT, "inputSchema": PARAMETERS}
ANTHROPIC: Json = {**ABOUT, "input_schema": PARAMETERS}
GEMINI: Json = {
    **ABOUT,
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}


def sent(value: object) -> list[Json]:
    """Return the definitions that are sent for a file with `value`."""
    return [dict(tool.definition) for tool in parse_tools(json.dumps(value), "tools.json")]


def refusal(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(InputError) as caught:
        parse_tools(text, "tools.json")
    assert caught.value.message.startswith("tools.json")
    assert caught.value.message.isprintable()
    return caught.value.message


@pytest.mark.parametrize(
    "definition",
    [
        MCP,
        {
            **MCP,
            "title": "Weather",
            "annotations": {"readOnlyHint": True},
            "outputSchema": EMPTY,
            "_meta": {"a": 1},
        },
        {"name": "get_weather", "title": "Weather now", "inputSchema": PARAMETERS},
        {"type": "function", "function": MCP},
        ANTHROPIC,
        {"type": "custom", **ANTHROPIC, "cache_control": {"type": "ephemeral"}},
        {"type": None, **ANTHROPIC},
        {"type": "function", **FUNCTION},
        {**ABOUT, "parametersJsonSchema": PARAMETERS},
        {**ABOUT, "parameters_json_schema": PARAMETERS},
        {**MCP, "parameters": None},
        GEMINI,
        {"type": "function", "function": GEMINI},
    ],
)
def test_a_definition_of_another_api_is_sent_in_the_form_of_this_one(definition: Json) -> None:
    assert [TOOL] == sent([definition]) == sent(definition)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"tools": [MCP]},
        {"result": {"tools": [MCP]}},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [MCP], "_meta": {}}},
        {"tools": [MCP], "nextCursor": None},
        {"model": "claude", "max_tokens": 9, "tools": [ANTHROPIC], "messages": []},
        {"functions": [FUNCTION]},
        {"function_declarations": [GEMINI]},
        {"functionDeclarations": [GEMINI]},
        [{"function_declarations": [GEMINI]}],
        {"tools": [{"functionDeclarations": [GEMINI]}]},
    ],
)
def test_a_list_is_found_in_a_reply_and_in_the_body_of_a_request(wrapped: object) -> None:
    assert [TOOL] == sent(wrapped)


def test_each_line_may_hold_a_definition_of_its_own_form() -> None:
    lines = [MCP, {**ANTHROPIC, "name": "b"}, {"tools": [{**FUNCTION, "name": "c"}]}]
    found = parse_tools("\n".join(map(json.dumps, lines)), "tools.json")
    assert ["get_weather", "b", "c"] == [tool.name for tool in found]


def test_an_option_of_the_arguments_survives_the_conversion() -> None:
    (tool,) = sent([{**ANTHROPIC, "strict": True}])
    assert {**FUNCTION, "strict": True} == tool["function"]


@pytest.mark.parametrize(
    "nothing",
    [{}, {"inputSchema": None}, {"inputSchema": {}}, {"arguments": []}, {"x-a": 1, "category": "b"}],
)
def test_a_tool_without_arguments_gets_an_empty_schema(nothing: Json) -> None:
    (tool,) = sent([{"name": "now", "description": "the time", **nothing}])
    function = tool["function"]
    assert isinstance(function, dict)
    assert EMPTY == function["parameters"]


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({**ABOUT, "arguments": [{"name": "city"}]}, "(get_weather) has no parameters, but arguments: "),
        (
            {**ABOUT, "arguments": {"city": "string"}},
            "but arguments: the JSON Schema of the arguments is expected",
        ),
        ({**ABOUT, "inputs": {"city": {"type": "string"}}}, "but inputs: "),
        ({**ABOUT, "args": {"city": {"type": "string"}}}, "but args: "),
        ({**ABOUT, "args_schema": PARAMETERS}, "but args_schema: "),
        ({**ABOUT, "parameter_definitions": {"city": {"type": "str"}}}, "but parameter_definitions: "),
        ({**ABOUT, "schema": PARAMETERS}, "but schema: "),
        ({**ABOUT, "endpoint": "/read/:id", "method": "GET"}, "but endpoint: "),
        ({**ABOUT, "inputs": "a city"}, "but inputs: "),
        ({**ABOUT, "properties": {"city": {}}}, "but properties: "),
        ({**ABOUT, "a\x1b[2J": {"city": {}}}, "but a"),
        ({"type": "function", "function": {**ABOUT, "inputs": {"a": {}}}}, "but inputs: "),
        ({"toolSpec": {**ABOUT, "inputSchema": {"json": PARAMETERS}}}, "has no name"),
        (
            {**ABOUT, "inputSchema": {"json": PARAMETERS}},
            "its inputSchema must be a JSON Schema of type object",
        ),
        ({**ABOUT, "inputSchema": {"_def": {"typeName": "ZodObject"}}}, "and there is only _def"),
        ({**ABOUT, "parameters": {"city": {"type": "str", "description": "d"}}}, "and there is only city"),
        ({**ABOUT, "parameters": {"type": "dict", "properties": {}}}, 'of type object, and not "dict"'),
        (
            {**ABOUT, "input_schema": {"type": "array"}},
            'its input_schema must be a JSON Schema of type object, and not "array"',
        ),
        ({**ABOUT, "inputSchema": "object"}, "its inputSchema must be a JSON Schema of type object"),
        ({**MCP, "parameters": PARAMETERS}, "has both parameters and inputSchema"),
        ({"type": "object", "properties": {"a": {}}}, "is a JSON Schema and no tool"),
        ({"type": "web_search_20250305", "name": "web_search"}, 'invalid tool type: "web_search_20250305"'),
        ({"type": "custom", "name": "sql", "format": {"type": "text"}}, 'invalid tool type: "custom"'),
        ({**MCP, "name": "github/list issues"}, "is not a valid name of a tool"),
        ({**MCP, "name": "x" * 65}, "is not a valid name of a tool"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_name(definition: Json, reason: str) -> None:
    assert reason in refusal([definition])


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ({"mcpServers": {"a": {"command": "npx"}}}, "names MCP servers: what a server answers to tools/list"),
        (
            {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no such method"}},
            "no such method",
        ),
        ({"tools": [MCP], "nextCursor": "abc"}, "only a part of the tools: its nextCursor"),
        ({"result": {"tools": []}}, "defines no tool"),
        ([MCP, ANTHROPIC], "defines 'get_weather' 2 times"),
        ([{"tools": [MCP]}, MCP], "defines 'get_weather' 2 times"),
        ("\n".join(map(json.dumps, [MCP, ANTHROPIC])), "defines 'get_weather' 2 times"),
        ([[MCP]], "tool 1 is not a JSON object"),
    ],
)
def test_a_file_that_is_no_whole_list_is_refused(file: object, reason: str) -> None:
    assert reason in refusal(file)


def test_only_the_types_of_geminis_schemas_are_changed_and_nothing_that_is_called_so() -> None:
    words = ["STRING", "NULL", {"type": "OBJECT"}]
    properties: dict[str, Json] = {
        "type": {"type": ["STRING", "NULL"], "enum": words, "default": "STRING", "examples": words},
        "STRING": {"type": "ARRAY", "items": {"type": "OBJECT"}, "const": {"type": "NULL"}},
        "enum": {"type": "STRING", "example": {"type": "STRING"}},
    }
    schema: Json = {"type": "OBJECT", "properties": properties, "dependentRequired": {"type": ["STRING"]}}
    [definition] = sent({**ABOUT, "parameters": schema})
    expected = {
        "type": {**properties["type"], "type": ["string", "null"]},
        "STRING": {**properties["STRING"], "type": "array", "items": {"type": "object"}},
        "enum": {**properties["enum"], "type": "string"},
    }
    assert {"name": "get_weather", "description": "Weather now"}.items() <= definition["function"].items()  # type: ignore[attr-defined]
    assert {**schema, "type": "object", "properties": expected} == definition["function"]["parameters"]  # type: ignore[index]


@pytest.mark.parametrize("kind", [["object", "null"], {"a": 1}, ["OBJECT", {}], [["OBJECT"]], 7])
def test_a_type_of_the_arguments_that_is_no_word_is_refused(kind: object) -> None:
    for definition in (FUNCTION, MCP, GEMINI):
        key = next(iter(definition.keys() - ABOUT.keys()))
        assert "must be a JSON Schema of type object, and not" in refusal(
            {**definition, key: {**PARAMETERS, "type": kind}}
        )
