"""A request for JSON gets JSON, and a prompt that names a tool gets a call: over the wire, as clients ask."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmpipe.core.events import Message
from mmpipe.core.messages import add_instruction
from mmpipe.simulator.endpoint import ReceivedRequest, respond
from mmpipe.simulator.headers import RequestTrace
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.steps import Send
from mmpipe.structured.repair import schema_instruction
from mmpipe.structured.schema import Schema
from support.simulator_client import SPLIT, Json, chat, objects

YEAR: Json = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}
PROMPT = "Faust was printed in 1808. When was Faust printed?"


def message_of(*messages: Message, **parameters: object) -> Json:
    raw = json.dumps(chat(messages=messages, **SPLIT, **parameters)).encode()
    incoming = ReceivedRequest("POST", "/v1/chat/completions", "Bearer any", raw)
    response = respond(incoming, SimulatorProfile(), RequestTrace(0, 1, 0.0), admitted=True)
    body: Any = json.loads(b"".join(step.data for step in response.steps if isinstance(step, Send)))
    message: Json = body["choices"][0]["message"]
    return message


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def asked(schema: object) -> Json:
    return system(schema_instruction(Schema.parse(json.dumps(schema), "it")))


def content(*messages: Message, **parameters: object) -> object:
    return message_of(*messages, **parameters)["content"]


@pytest.mark.parametrize(
    "words",
    [
        "Answer with JSON by this JSON Schema: {}",
        "Always respond with a JSON object that's compatible with this schema:\n\n{}\n\nDon't include any text.",
        "The output schema:\n```json\n{}\n```\nBe brief.",
        "Be brief.\n\nas JSON that fits the following json_schema: {} Thank you.",
    ],
)
def test_a_schema_in_a_system_message_is_found_however_it_is_asked_for(words: str) -> None:
    text = words.replace("{}", json.dumps(YEAR, indent=2))
    assert '{"year":1808}' == content(system(text), user(PROMPT))
    assert '{"year":1808}' == content(asked(YEAR), user(PROMPT))


@pytest.mark.parametrize(
    "words",
    [
        'The database schema: {"users": ["id", "name"]}',
        "Every JSON schema: {",
        f"{json.dumps(YEAR)} is a schema.",
        f"The schema: {json.dumps(False)}",
        f"The schema: {'[' * 9999}",
    ],
)
def test_other_system_messages_change_nothing(words: str) -> None:
    assert content(user(PROMPT)) == content(system(words), user(PROMPT))


def test_response_format_and_other_messages_ask_for_no_json() -> None:
    wrapped = {"type": "json_schema", "json_schema": {"name": "year", "schema": YEAR}}
    assert content(user(PROMPT)) == content(user(PROMPT), response_format=wrapped)
    assert "simulated answer" in str(content(user(f"The schema: {json.dumps(YEAR)}")))


def test_a_schema_that_accepts_all_gets_some_json() -> None:
    accepting: tuple[object, ...] = (True, {})
    for schema in accepting:
        assert '"Faust"' == content(asked(schema), user(PROMPT))


def test_the_files_beside_a_schema_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "types.json").write_text(
        json.dumps({"$defs": {"year": {"type": "integer", "minimum": 1000}}})
    )
    for identity in ({}, {"$id": "https://example.com/a/book.json"}):
        schema = {**identity, "type": "array", "items": {"$ref": "types.json#/$defs/year"}, "minItems": 1}
        text = schema_instruction(
            Schema.parse_file(
                json.dumps(schema), str(tmp_path / "book.json"), lambda path: Path(path).read_text("utf-8")
            )
        )
        assert "[1808]" == content(system(text), user(PROMPT))


def test_an_order_and_a_complaint_about_its_answer_get_no_json() -> None:
    ordered = [asked(YEAR), user("sim:echo no")]
    assert "no" == content(*ordered)
    said = {"role": "assistant", "content": "no"}
    complaint = user("Your answer cannot be used. Answer again.")
    assert "simulated answer" in str(content(*ordered, said, complaint))
    assert '{"year":1808}' == content(*ordered, said, complaint, said, user(PROMPT))


def tool(name: str, **properties: str) -> Json:
    typed = {member: {"type": kind} for member, kind in properties.items()}
    parameters = {"type": "object", "properties": typed, "required": [*typed]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


MULTIPLY = tool("multiply", a="number", b="number")
TOOLS = (MULTIPLY, tool("add", a="number", b="number"), tool("get_weather", city="string"))


def called(prompt: str, *tools: Json, **parameters: object) -> list[tuple[object, object]]:
    message = message_of(user(prompt), tools=tools or TOOLS, **parameters)
    calls: Any = message.get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("Multiply 1234 by 5678.", [("multiply", {"a": 1234, "b": 5678})]),
        ("Here are 1.5 and -2: MULTIPLY!", [("multiply", {"a": 1.5, "b": -2})]),
        ("Please get weather of 'New York'.", [("get_weather", {"city": "New York"})]),
        ("Call get_weather for Rome.", [("get_weather", {"city": "Rome"})]),
        (
            "Multiply 2 by 3 and add 4 to 5.",
            [("multiply", {"a": 2, "b": 3}), ("add", {"a": 4, "b": 5})],
        ),
        ("What is 2 times 3?", []),
        ("What are multiplyers and address?", []),
        ("sim:echo multiply 2 by 3", []),
    ],
)
def test_a_prompt_that_names_tools_gets_a_call_of_each(prompt: str, calls: list[object]) -> None:
    assert calls == called(prompt)


def test_without_tools_or_with_none_allowed_nothing_is_called() -> None:
    assert "tool_calls" not in message_of(user("Multiply 2 by 3."))
    assert [] == called("Multiply 2 by 3.", model="MiniMax-M3", tool_choice="none")


def test_a_tool_without_any_arguments_that_fit_is_not_called() -> None:
    assert [] == called("Multiply 2 by 3.", tool("multiply", a="no such type"))


def test_after_the_results_the_answer_quotes_them_and_calls_nothing_until_the_next_prompt() -> None:
    prompt, tools = user("Multiply 1234 by 5678."), [MULTIPLY]
    message = message_of(prompt, tools=tools)
    result = {"role": "tool", "tool_call_id": objects(message, "tool_calls")[0]["id"], "content": "7006652"}
    answer = message_of(prompt, message, result, tools=tools)
    assert "tool_calls" not in answer
    assert "7006652" in str(answer["content"])
    product = {"type": "object", "properties": {"product": {"type": "integer"}}, "required": ["product"]}
    messages = add_instruction([prompt, message, result], str(asked(product)["content"]))
    assert '{"product":7006652}' == content(*messages, tools=tools)
    assert "tool_calls" in message_of(prompt, message, result, answer, prompt, tools=tools)
