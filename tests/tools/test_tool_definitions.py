"""Definitions are read in every common form, and arguments are validated before a tool gets them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.errors import InputError
from mmpipe.tools.definitions import ArgumentsNotJson, InvalidArguments, Tool, parse_tools, validate_arguments

pytestmark = pytest.mark.tools

CALM = settings(deadline=None)

Json = dict[str, object]

PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION: Json = {"name": "get_weather", "description": "Weather now", "parameters": PARAMETERS}
TOOL: Json = {"type": "function", "function": FUNCTION}
EMPTY: Json = {"type": "object", "properties": {}}


def parse(value: object) -> tuple[Tool, ...]:
    return parse_tools(json.dumps(value), "tools.json")


def refusal(text: str) -> str:
    """Return the error for a file with bad definitions."""
    with pytest.raises(InputError) as caught:
        parse_tools(text, "tools.json")
    assert caught.value.message.startswith("tools.json")
    return caught.value.message


def named(name: str) -> Json:
    return {**FUNCTION, "name": name}


def weather() -> Tool:
    (tool,) = parse([TOOL])
    return tool


def test_a_definition_is_sent_as_it_is() -> None:
    strict = {**TOOL, "function": {**FUNCTION, "strict": True}, "x-note": ["é", 1.0]}
    (tool,) = parse([strict])
    assert ("get_weather", json.dumps(strict)) == (tool.name, json.dumps(tool.definition))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([TOOL, named("b")]),
        json.dumps([TOOL, named("b")], indent=2),
        f"{json.dumps(TOOL)}\n\n{json.dumps(named('b'))}\r\n",
    ],
)
def test_tools_stand_in_an_array_or_one_on_each_line(text: str) -> None:
    assert ["get_weather", "b"] == [tool.name for tool in parse_tools(text, "tools.json")]


@pytest.mark.parametrize("value", [TOOL, FUNCTION, {"type": "function", **FUNCTION}])
def test_a_single_tool_and_a_bare_function_get_the_envelope_of_the_api(value: Json) -> None:
    (tool,) = parse(value)
    assert json.dumps(TOOL) == json.dumps(tool.definition)


@pytest.mark.parametrize("nothing", [{}, {"parameters": None}, {"parameters": {}}])
def test_a_function_without_parameters_gets_empty_ones(nothing: Json) -> None:
    (tool,) = parse([{"type": "function", "function": {"name": "now", **nothing}}])
    assert {"type": "function", "function": {"name": "now", "parameters": EMPTY}} == tool.definition
    assert b"{}\n" == validate_arguments("", tool)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "defines no tool"),
        ([3], "tool 1 is not a JSON object"),
        ([{}], "tool 1 has no name"),
        ([named("")], "tool 1 has no name"),
        ([{"type": "function", "function": "f"}], "tool 1: its function must be an object"),
        ([named("a"), {**TOOL, "type": "retrieval"}], 'tool 2: invalid tool type: "retrieval"'),
        ([{"function": FUNCTION}], "tool 1: invalid tool type: null"),
        ([{"type": "web_search"}], 'invalid tool type: "web_search"'),
        ([named("get weather")], "'get weather' is not a valid name of a tool"),
        ([named("a\n")], "is not a valid name of a tool"),
        ([named("é")], "is not a valid name of a tool"),
        ([named("x" * 65)], "is not a valid name of a tool"),
        ([named("a"), named("b"), named("a")], "defines 'a' 2 times"),
        (
            [{**FUNCTION, "parameters": []}],
            "tool 1 (get_weather): its parameters must be a JSON Schema of type object",
        ),
        ([{**FUNCTION, "parameters": True}], "must be a JSON Schema of type object"),
        ([{**FUNCTION, "parameters": {"type": "array"}}], "must be a JSON Schema of type object"),
        (
            [{**FUNCTION, "parameters": {"type": "object", "required": 3}}],
            "(get_weather): the value of parameters",
        ),
        ([{**FUNCTION, "parameters": {"$ref": "http://127.0.0.1:1/x"}}], "nothing is fetched"),
        ([{"name": "f", "description": "\ud800"}], "surrogate"),
    ],
)
def test_the_error_names_the_bad_definition_and_the_reason(value: object, reason: str) -> None:
    assert reason in refusal(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "defines no tool"),
        (" \n\n", "defines no tool"),
        ("[{", "tools.json is not JSON: "),
        ('{\n "name": "a",,\n}', "line 2 column 14"),
        (json.dumps(FUNCTION) + "\n\n{\n", "tools.json: line 3 is not JSON"),
        (json.dumps(FUNCTION) + "\n[]\n", "tools.json: line 2 is not a JSON object"),
        ('{"name": "a", "x": NaN}', "is not JSON: NaN"),
        ("[" * 100_000, "nested too deep"),
        ('{"name": "a", "x": ' + "[" * 300 + "]" * 300 + "}", "nested too deep"),
        ("name = 1", "tools.json is not JSON"),
    ],
)
def test_the_error_names_the_line_that_is_not_json(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_many_tools_are_not_too_many() -> None:
    assert 500 == len(parse([named(f"tool.{number}-x_") for number in range(500)]))


def test_arguments_reach_the_tool_as_one_line() -> None:
    assert b'{"city":"M\xc3\xbcnchen","n":1.0}\n' == validate_arguments(
        '{ "city": "M\\u00fcnchen",\n "n": 1.0}', weather()
    )


def test_arguments_that_were_encoded_twice_reach_the_tool_as_an_object() -> None:
    assert b'{"city":"Rome"}\n' == validate_arguments(json.dumps('{"city": "Rome"}'), weather())


@CALM
@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.text() | st.integers())
)
def test_arguments_stay_what_they_are(arguments: Json) -> None:
    (tool,) = parse({"name": "any"})
    line = validate_arguments(json.dumps(arguments, indent=1), tool)
    assert (arguments, 1) == (json.loads(line), line.count(b"\n"))


@pytest.mark.parametrize("text", ['{"city":', "city=x", '{"city": NaN}', "{}{}", "[" * 100_000])
def test_arguments_that_are_not_json_have_their_own_error(text: str) -> None:
    with pytest.raises(ArgumentsNotJson) as caught:
        validate_arguments(text, weather())
    assert str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"city": 3}', '$.city: 3 is not of type "string".'),
        ("", '"city" is a required property'),
        ("[]", "must be one JSON object"),
        ("null", "must be one JSON object"),
        ('"Rome"', "must be one JSON object"),
        ('"[1]"', "must be one JSON object"),
        ('{"city": ' + "[" * 500 + "]" * 500 + "}", "nested too deep"),
    ],
)
def test_invalid_arguments_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        validate_arguments(text, weather())
    assert reason in str(caught.value)
