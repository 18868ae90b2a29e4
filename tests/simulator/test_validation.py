"""Requests that the API refuses are refused with its words (FACTS.md, "Refused requests")."""

from collections.abc import Iterator

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.simulator_client import Json, ask, chat, field, simulator

USER: Json = {"role": "user", "content": "Hi"}
SYSTEM: Json = {"role": "system", "content": "Be brief."}
M3: Json = {"model": "MiniMax-M3"}
FLASH: Json = {"model": "MiniMax-M3.1-Flash"}
TOOL: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NAMELESS: Json = {"type": "function", "function": {"parameters": {"type": "object"}}}


def called(arguments: str = "{}", *names: str) -> Json:
    calls = [
        {"id": name, "type": "function", "function": {"name": "f", "arguments": arguments}}
        for name in names or ("c_1",)
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(name: object = "c_1", content: object = "ok") -> Json:
    return {"role": "tool", "tool_call_id": name, "content": content}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with simulator() as running:
        yield running


REFUSED: list[tuple[Json, str]] = [
    ({"messages": None}, "binding: expr_path=messages, cause=missing required parameter"),
    ({"messages": []}, "chat content is empty"),
    ({"messages": "Hi"}, "Mismatch type []openai.ChatMessage with value string"),
    ({"messages": [{"role": "user"}]}, "chat content is empty"),
    ({"messages": [{"role": "user", "content": {"a": 1}}]}, "Mismatch type string with value object"),
    ({"messages": [{"role": "king", "content": "Hi"}]}, "chat content has invalid message role: king"),
    ({"messages": [{"role": "root", "content": "Hi"}]}, "chat content has invalid message role: root"),
    ({"messages": [7]}, "Mismatch type openai.ChatMessage with value number"),
    ({"messages": [SYSTEM, SYSTEM, USER]}, "invalid chat setting"),
    ({"messages": [USER, SYSTEM]}, "chat content has invalid message role: system"),
    ({"model": None}, "binding: expr_path=model, cause=missing required parameter"),
    ({"model": 7}, "Mismatch type string with value number"),
    ({"model": "minimax-m2.7"}, "unknown model 'minimax-m2.7'"),
    ({"temperature": -0.1}, "temperature -0.1 is out of range [0, 1]"),
    ({"temperature": 1.1}, "temperature 1.1 is out of range [0, 1]"),
    ({"temperature": "1"}, "Mismatch type float64 with value string"),
    (M3 | {"temperature": 5.0}, "temperature 5.0 is out of range [0, 2]"),
    ({"top_p": 1.5}, "top_p 1.5 is out of range [0, 1]"),
    ({"top_p": -0.1}, "top_p -0.1 is out of range [0, 1]"),
    ({"max_tokens": 204801}, "model[MiniMax-M2.7] does not support max tokens > 204800"),
    (
        {"model": "MiniMax-M2.7-highspeed", "max_completion_tokens": 196609},
        "model[MiniMax-M2.7-highspeed] does not support max tokens > 196608",
    ),
    (
        {"model": "MiniMax-M2.1", "max_tokens": 196609},
        "model[MiniMax-M2.1] does not support max tokens > 196608",
    ),
    (M3 | {"max_tokens": 524289}, "model[MiniMax-M3] does not support max tokens > 524288"),
    ({"max_tokens": 0}, "max_tokens 0 is out of range"),
    ({"max_tokens": "9"}, "Mismatch type int64 with value string"),
    ({"n": 2}, "n 2 is not supported, only 1"),
    ({"n": "2"}, "Mismatch type int64 with value string"),
    ({"stream": "yes"}, "Mismatch type bool with value string"),
    ({"stream_options": True}, "Mismatch type openai.StreamOptions with value bool"),
    ({"reasoning_split": 1}, "Mismatch type bool with value number"),
    ({"thinking": False}, "Mismatch type open_platform_oai.ThinkingConfig with value bool"),
    (
        M3 | {"thinking": {"type": "enabled"}},
        'invalid thinking.type: "enabled" (allowed: adaptive, disabled)',
    ),
    (FLASH | {"thinking": {"type": "disabled"}}, "model[MiniMax-M3.1-Flash] requires adaptive thinking"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "function parameters is empty"),
    ({"tools": [{"type": "web", "function": {}}]}, "invalid tool type: web"),
    ({"tools": [NAMELESS]}, "function name is empty"),
    ({"tools": ["f"]}, "Mismatch type openai.Tool with value string"),
    ({"tools": {}}, "Mismatch type []openai.Tool with value object"),
    ({"messages": [USER, called(), result("c_9")]}, "tool result's tool id(c_9) not found"),
    ({"messages": [USER, result()]}, "tool result's tool id(c_1) not found"),
    ({"messages": [USER, called(), result(None)]}, "tool call id is invalid"),
    ({"messages": [USER, called()]}, "tool call and result not match"),
    ({"messages": [USER, called("{}", "c_1", "c_2"), result(), USER]}, "tool call and result not match"),
    ({"messages": [USER, called(), result(content={"a": 1})]}, "Mismatch type string with value object"),
    (
        {"messages": [USER, called('{"a":'), result()]},
        "invalid function arguments json string, tool_call_id: c_1",
    ),
    (
        {"messages": [USER, called('{"a": NaN}'), result()]},
        "invalid function arguments json string, tool_call_id: c_1",
    ),
    ({"messages": [USER, called(""), result()]}, "invalid function arguments json string, tool_call_id: c_1"),
    ({"messages": [USER, called(), result(), result()]}, "tool result's tool id(c_1) not found"),
    ({"messages": [USER, called(), USER, result()]}, "tool call and result not match"),
    ({"messages": [USER, called("{}", ""), result("")]}, "tool call id is invalid"),
    ({"messages": [USER, called() | {"tool_calls": [{}]}]}, "tool call id is invalid"),
    (
        {"messages": [USER, called() | {"tool_calls": ["f"]}]},
        "Mismatch type openai.ToolCall with value string",
    ),
    (
        {"messages": [USER, called() | {"tool_calls": {}}]},
        "Mismatch type []openai.ToolCall with value object",
    ),
    ({"messages": [USER, called(), result(content=None)]}, "chat content is empty"),
    ({"messages": [SYSTEM, USER, called(), result(), SYSTEM]}, "invalid chat setting"),
    ({"messages": [{"role": "user", "content": "." * 204800}]}, "context window exceeds limit"),
]


@pytest.mark.parametrize(("change", "complaint"), REFUSED, ids=[complaint[:60] for _, complaint in REFUSED])
def test_an_invalid_request_is_refused(running: RunningSimulator, change: Json, complaint: str) -> None:
    reply = ask(running, chat() | change)
    error = field(reply.json, "error")
    assert (reply.status, error["message"]) == (400, f"invalid params, {complaint} (2013)")
    assert (error["type"], error["http_code"]) == ("bad_request_error", "400")


@pytest.mark.parametrize(
    "change",
    [
        M3 | {"messages": [SYSTEM, USER, SYSTEM, USER]},
        M3 | {"messages": [{"role": "root", "content": "Rule."}, SYSTEM, USER]},
        {"temperature": 0},
        M3 | {"temperature": 0},
        M3 | {"temperature": 2, "n": 2, "max_tokens": 524288},
        M3 | {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "enabled"}},
        {"temperature": 1, "top_p": 0, "n": 1},
        {"stream": None, "max_tokens": None, "tools": None, "thinking": None},
        {
            "seed": 1,
            "logit_bias": {"1": 2},
            "presence_penalty": 2,
            "stop": ["."],
            "response_format": {"type": "x"},
        },
        {"messages": [USER, called("{}", "c_1", "c_2"), result("c_2"), result("c_1")], "tools": [TOOL]},
        {"messages": [USER, called(), result(), called(), result(), USER], "tools": [TOOL]},
        {"messages": [USER, called() | {"content": None}, result(content=[{"type": "text", "text": "ok"}])]},
        {"messages": [USER, {"role": "assistant", "content": "Hi", "tool_calls": None}, USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]}]},
    ],
)
def test_a_valid_request_is_answered(running: RunningSimulator, change: Json) -> None:
    reply = ask(running, chat() | change)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (b'{"model":"MiniMax-M2.7",', "eof"),
        (b"", "eof"),
        (b"{]", "invalid char"),
        (b"\xff\xfe{}", "invalid char"),
        (b'{"model": NaN}', "invalid char"),
        (b"[" * 100_000, "invalid char"),
    ],
)
def test_a_body_that_is_not_json_is_refused(running: RunningSimulator, raw: bytes, cause: str) -> None:
    reply = ask(running, raw)
    message = str(field(reply.json, "error")["message"])
    assert reply.status == 400
    assert message.startswith('invalid params, "Syntax error at index ')
    assert f": {cause}\\n\\n\\t" in message
    assert message.endswith('^\\n" (2013)')


def test_a_body_that_is_not_an_object_is_refused(running: RunningSimulator) -> None:
    reply = ask(running, [1])
    assert reply.status == 400
    assert "with value array" in reply.body.decode()
