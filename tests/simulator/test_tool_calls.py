"""A tool is called when a user asks for it, in the shapes of the API (FACTS.md, "Tool calls")."""

import json
import re

import pytest

from support import captured_answers
from support.captured_answers import shape
from support.simulator_client import SPLIT, STREAM, Json, ask, ask_once, chat, field, objects, simulator

TOOL: Json = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
ARGUMENTS = '{"location": "San Francisco, US"}'
PROMPT = f"sim:tool get_weather {ARGUMENTS}"
TWO = f"{PROMPT}\nsim:tool get_time"


def calls(reply_choices: list[Json], name: str) -> list[Json]:
    messages = [field(choice, name) for choice in reply_choices]
    return [
        call for message in messages if "tool_calls" in message for call in objects(message, "tool_calls")
    ]


def test_a_whole_call_has_the_captured_shape() -> None:
    body = ask_once(chat(PROMPT, tools=[TOOL])).json
    choice = objects(body, "choices")[0]
    call = calls([choice], "message")[0]
    captured = json.loads(captured_answers.CALL)
    assert shape(call) == shape(captured)
    assert call | {"id": ""} == captured | {"id": ""}
    assert re.fullmatch(r"call_function_[a-z0-9]{12}_1", str(call["id"]))
    assert choice["finish_reason"] == "tool_calls"


def test_native_content_beside_a_call_is_only_the_think_block() -> None:
    content = str(ask_once(chat(PROMPT, tools=[TOOL])).message["content"])
    assert re.fullmatch(r"<think>\n.*\n</think>\n", content, re.DOTALL)
    assert ask_once(chat(PROMPT, tools=[TOOL], **SPLIT)).message["content"] == ""


def test_a_streamed_call_comes_in_pieces() -> None:
    reply = ask_once(chat(PROMPT, tools=[TOOL], **SPLIT, **STREAM))
    first, second = calls(reply.choices, "delta")
    assert shape(first) == shape(json.loads(captured_answers.CALL))
    assert shape(second) == shape(json.loads(captured_answers.CALL_GOES_ON))
    assert f"{field(first, 'function')['arguments']}{field(second, 'function')['arguments']}" == ARGUMENTS
    finishes = [choice.get("finish_reason") for choice in reply.choices]
    assert finishes == [None] * (len(finishes) - 1) + ["tool_calls"]


def test_parallel_calls_share_the_middle_of_their_ids() -> None:
    with simulator() as running:
        first, second = calls(objects(ask(running, chat(TWO, tools=[TOOL])).json, "choices"), "message")
        streamed = calls(ask(running, chat(TWO, tools=[TOOL], **STREAM)).choices, "delta")
    assert str(second["id"]) == str(first["id"]).removesuffix("_1") + "_2"
    assert (second["index"], second["function"]) == (1, {"name": "get_time", "arguments": "{}"})
    assert [call["index"] for call in streamed] == [0, 0, 1, 1]


def test_arguments_need_not_be_json() -> None:
    message = ask_once(chat('sim:tool f {"a":', tools=[TOOL])).message
    assert field(objects(message, "tool_calls")[0], "function")["arguments"] == '{"a":'


def test_without_tools_nothing_is_called() -> None:
    message = ask_once(chat(PROMPT)).message
    assert "tool_calls" not in message
    assert "simulated answer" in str(message["content"])


def test_a_result_is_answered_with_text() -> None:
    with simulator() as running:
        message = ask(running, chat(PROMPT, tools=[TOOL])).message
        identity = objects(message, "tool_calls")[0]["id"]
        result = {"role": "tool", "tool_call_id": identity, "content": "18 degrees"}
        messages = [*objects(chat(PROMPT), "messages"), message, result]
        answer = ask(running, chat(messages=messages, tools=[TOOL], **SPLIT))
    assert "18 degrees" in str(answer.message["content"])
    assert objects(answer.json, "choices")[0]["finish_reason"] == "stop"


@pytest.mark.parametrize("order", [PROMPT, "sim:echo no", "sim:turns no|||no"])
def test_a_result_gives_no_orders(order: str) -> None:
    with simulator() as running:
        message = ask(running, chat(PROMPT, tools=[TOOL])).message
        result = {"role": "tool", "tool_call_id": objects(message, "tool_calls")[0]["id"], "content": order}
        messages = [*objects(chat(PROMPT), "messages"), message, result]
        answer = ask(running, chat(messages=messages, tools=[TOOL]))
    assert "tool_calls" not in answer.message
    assert "simulated answer" in str(answer.message["content"])


@pytest.mark.parametrize(
    ("model", "choice", "finish"),
    [
        ("MiniMax-M3", "none", "stop"),
        ("MiniMax-M3", "auto", "tool_calls"),
        ("MiniMax-M3", "required", "tool_calls"),
        ("MiniMax-M2.7", "none", "tool_calls"),
    ],
)
def test_only_m3_respects_a_choice_of_no_tool(model: str, choice: str, finish: str) -> None:
    reply = ask_once(chat(PROMPT, model=model, tools=[TOOL], tool_choice=choice))
    assert objects(reply.json, "choices")[0]["finish_reason"] == finish
    assert ("tool_calls" in reply.message) == (finish == "tool_calls")
