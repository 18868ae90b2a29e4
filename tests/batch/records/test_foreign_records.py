"""Records of data sets and of other APIs are converted where their meaning is certain."""

import json
from dataclasses import replace

import pytest

from mmpipe.chat.message_file import parse_messages
from mmpipe.errors import InputError
from support.record_reading import ENVELOPE, JSONL, bad, good, templated, user

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
MCP = {"name": "f", "description": "d", "inputSchema": SCHEMA}
ANTHROPIC = {"name": "f", "description": "d", "input_schema": SCHEMA}
TURNS = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}]
MESSAGES = (user("a"), {"role": "assistant", "content": "b"}, user("c"))


@pytest.mark.parametrize("field", ["conversations", "messages"])
def test_a_conversation_of_sharegpt_is_asked(field: str) -> None:
    record = good({"id": "x", field: TURNS, "source": "web"})
    assert (MESSAGES, {"source": "web"}) == (record.request.messages, record.fields)


def test_the_system_message_of_a_data_set_is_sent() -> None:
    system = {"role": "system", "content": "s"}
    assert (system, *MESSAGES) == good({"conversations": TURNS, "system": "s"}).request.messages


def with_system(system: object) -> list[dict[str, object]]:
    return [{"system": system, "conversations": TURNS}, {"system": system, "messages": list(MESSAGES)}]


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("s", "s"),
        (
            [{"type": "text", "text": "s", "cache_control": {}}, {"type": "text", "text": "t"}],
            "s\n\nt",
        ),
        *((empty, None) for empty in ("", " ", None, [], [{"type": "text", "text": ""}])),
    ],
)
def test_batch_and_chat_read_the_system_message_beside_messages_alike(
    system: object, expected: str | None
) -> None:
    messages = (*([] if expected is None else [{"role": "system", "content": expected}]), *MESSAGES)
    for record in with_system(system):
        assert messages == parse_messages(json.dumps(record), "talk", pytest.fail)
        assert messages == good(record).request.messages
    assert messages == good({**ENVELOPE, "body": with_system(system)[1]}).request.messages


@pytest.mark.parametrize(
    "system", [3, False, {}, ["s"], [{"type": "image", "text": "s"}], [{"type": "text", "text": 1}]]
)
def test_batch_and_chat_refuse_a_system_message_that_is_no_text_alike(system: object) -> None:
    expected = f"its system is {json.dumps(system, separators=(',', ':'))}: it must be a string, or a list of text parts"
    for record in with_system(system):
        assert expected == bad(record)
        with pytest.raises(InputError) as caught:
            parse_messages(json.dumps(record), "talk", pytest.fail)
        assert f"talk: {expected}" == caught.value.message
    assert expected == bad({**ENVELOPE, "body": with_system(system)[1]})


def test_an_empty_system_message_of_a_record_leaves_the_one_of_the_run() -> None:
    system = {"role": "system", "content": "for all"}
    record = {"system": "", "conversations": TURNS}
    assert (system, *MESSAGES) == good(record, replace(JSONL, system="for all")).request.messages


def test_beside_a_prompt_and_with_a_template_a_conversation_is_data() -> None:
    record = good({"prompt": "p", "conversations": TURNS})
    assert ((user("p"),), {"conversations": TURNS}) == (record.request.messages, record.fields)
    assert (user("a"),) == good(
        {"conversations": TURNS}, templated("{conversations.0.value}")
    ).request.messages


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"conversations": []}, "its conversations are not an array of at least one message"),
        ({"conversations": [{"from": "bing", "value": "a"}]}, "turn 1 is from 'bing'"),
        ({"messages": [{"role": "user", "value": "a"}]}, "message 1 has no content"),
        (
            {"messages": [user("a"), {"role": "function", "content": "a"}]},
            "message 2 has a call in the form before",
        ),
        (
            {"prompt": "a", "tools": [{"name": "f", "arguments": {"a": {}}}]},
            "its tools: tool 1 (f) has no parameters, but",
        ),
        ({"prompt": "a", "tools": [{"name": "f g"}]}, "is not a valid name of a tool"),
        ({"prompt": "a", "tools": [MCP, TOOL]}, "it defines 'f' 2 times"),
        ({"prompt": "a", "tools": "f(x)"}, "its tools are not JSON"),
        *(
            ({"prompt": "a", "tools": tools}, "its tools: nested too deep")
            for levels in (200, 300, 450)
            for deep in ['{"items":' * levels + "{}" + "}" * levels]
            for text in ['{"name": "f", "parameters": {"type": "OBJECT", "items": ' + deep + "}}"]
            for tools in (text, json.loads(text))
        ),
        ({"prompt": "a", "tools": '{"name": "f", "description": "\\ud800"}'}, "its tools: a lone surrogate"),
        ({"prompt": "a", "tools": 3}, "is not a JSON object"),
        (
            {**ENVELOPE, "body": {"messages": [user("a")], "tools": [{"type": "web_search"}]}},
            "invalid tool type",
        ),
    ],
)
def test_a_record_of_unknown_meaning_is_refused_by_name(record: dict[str, object], reason: str) -> None:
    assert reason in bad(record)


@pytest.mark.parametrize(
    "tools",
    [[TOOL], [MCP], [ANTHROPIC], {"tools": [MCP]}, json.dumps([TOOL]), json.dumps([MCP]), json.dumps(MCP)],
)
def test_the_tools_of_a_record_are_sent_in_the_form_of_the_api(tools: object) -> None:
    for record in (
        {"prompt": "a", "tools": tools},
        {**ENVELOPE, "body": {"messages": [user("a")], "tools": tools}},
    ):
        assert {"tools": [TOOL]} == good(record).request.parameters


@pytest.mark.parametrize(
    ("tools", "sent"), [("", {}), ("[]", {}), (" ", {}), ([], {"tools": []}), (None, {"tools": None})]
)
def test_no_tools_are_no_error(tools: object, sent: dict[str, object]) -> None:
    assert sent == good({"conversations": TURNS, "tools": tools}).request.parameters


def test_a_developer_message_is_a_system_message() -> None:
    messages = [{"role": "developer", "content": "own"}, user("a")]
    expected = ({"role": "system", "content": "own"}, user("a"))
    assert expected == good({"messages": messages}).request.messages
    assert expected == good({"messages": messages}, replace(JSONL, system="for all")).request.messages
