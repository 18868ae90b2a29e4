"""Messages of other programs are converted where their meaning is certain, and refused by name where text would be lost."""

import json

import pytest

from mmpipe.core.events import Message
from mmpipe.core.message_forms import read_messages
from mmpipe.core.messages import add_instruction, check_results, prepare_messages
from mmpipe.errors import InputError

HUMAN = {"from": "human", "value": "hello"}
GPT = {"from": "gpt", "value": "hi"}
CALL = {"from": "function_call", "value": '{"name": "f", "arguments": {"city": "Zürich", "b": true}}'}
RESULT = {"from": "observation", "value": "18 degrees"}
USER: Message = {"role": "user", "content": "hello"}


def refusal(values: list[object]) -> str:
    with pytest.raises(InputError) as caught:
        read_messages(values)
    assert caught.value.message.isprintable()
    return caught.value.message


@pytest.mark.parametrize(
    ("speaker", "role"),
    [
        ("human", "user"),
        ("user", "user"),
        ("gpt", "assistant"),
        ("chatgpt", "assistant"),
        ("assistant", "assistant"),
        ("system", "system"),
    ],
)
def test_a_turn_of_sharegpt_becomes_a_message(speaker: str, role: str) -> None:
    turn = {"from": speaker, "value": "<b>\n", "weight": 0}
    assert ({"role": role, "content": "<b>\n"},) == read_messages([turn])


def test_a_call_and_its_result_find_each_other() -> None:
    messages = read_messages([HUMAN, CALL, RESULT, GPT])
    assert ["user", "assistant", "tool", "assistant"] == [message["role"] for message in messages]
    check_results(messages, "talk")
    sent = prepare_messages(messages, "MiniMax-M3")[1]["tool_calls"]
    assert isinstance(sent, list)
    assert {"name": "f", "arguments": '{"city":"Zürich","b":true}'} == sent[0]["function"]
    assert "18 degrees" == messages[2]["content"]


def test_calls_side_by_side_get_their_results_in_order() -> None:
    calls = {
        "from": "function_call",
        "value": json.dumps([{"name": name, "arguments": "{}"} for name in "ab"]),
    }
    messages = read_messages([HUMAN, calls, RESULT, {"from": "tool", "value": "noon"}, HUMAN, CALL, RESULT])
    check_results(messages, "talk")
    ids = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert 3 == len(set(ids))


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (
            [HUMAN, {"from": "bing", "value": "a"}],
            "turn 2 is from 'bing': human, gpt, system, function_call and",
        ),
        ([{"from": ["\x1b"], "value": "a"}], "turn 1 is from ["),
        ([HUMAN, RESULT], "turn 2 is a result, and no call before it waits for one"),
        ([HUMAN, CALL, RESULT, RESULT], "turn 4 is a result"),
        ([HUMAN, CALL, GPT], "turn 3 comes before the result of the call"),
        ([{"from": "function_call", "value": "f(x)"}], "turn 1 is a call that is not JSON: "),
        (
            [{"from": "function_call", "value": '{"name": "f"}'}],
            "turn 1 is a call without a name and arguments",
        ),
        ([{"from": "function_call", "value": "[3]"}], "turn 1 is a call without a name"),
        (
            [HUMAN, {"from": "gpt", "value": None}],
            "turn 2 is not an object with from and a value that is text",
        ),
        ([HUMAN, USER], "turn 2 is not an object with from"),
        ([HUMAN, 3], "turn 2 is not an object with from"),
        ([USER, HUMAN], "message 2 is not an object with a role"),
    ],
)
def test_a_turn_of_unknown_meaning_is_refused_with_its_number(turns: list[object], reason: str) -> None:
    assert reason in refusal(turns)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "user", "value": "hi"}, "message 1 has no content, where its text is expected, but value"),
        ({"role": "user", "content": None, "text": "hi"}, "but text"),
        ({"role": "user", "parts": [{"text": "hi"}]}, "but parts"),
        ({"role": "assistant", "message": "hi"}, "but message"),
        ({"role": "function", "name": "f", "content": "18"}, "a call in the form before tool_calls"),
        ({"role": "assistant", "content": None, "function_call": {"name": "f"}}, "a call in the form before"),
        (
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]},
            "a part of Anthropic's form, tool_use",
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "content": "18"}]},
            "tool_result: expected are tool_calls",
        ),
        (
            {"role": "assistant", "content": [{"type": "reasoning", "value": "hm"}]},
            "a part reasoning with a value",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "value": "1.jpg"}]},
            "a part image_url with a value",
        ),
    ],
)
def test_text_in_a_place_that_no_server_reads_is_refused(message: Message, reason: str) -> None:
    assert reason in refusal([message])


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "hi", "function_call": None, "refusal": None},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "tool_calls": [{"id": "1"}], "function_call": {"name": "f"}, "text": "a"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]},
        {"role": "user", "content": "hi", "value": 3, "text": "label", "loss_weight": 1.0},
        {"role": "user", "content": [{"type": "odd", "odd": 1, "value": "a"}, "text"]},
    ],
)
def test_a_message_of_this_api_stays_the_same_object(message: Message) -> None:
    assert message is read_messages([message])[0]
    assert message is prepare_messages([message], "MiniMax-M3")[0] or message.get("tool_calls")


def test_the_text_of_a_part_is_sent_under_its_usual_name() -> None:
    (sent,) = prepare_messages(
        [{"role": "user", "content": [{"type": "text", "value": "hi"}, {"type": "text", "text": "a"}]}],
        "MiniMax-M3",
    )
    assert [{"type": "text", "text": "hi"}, {"type": "text", "text": "a"}] == sent["content"]


def test_a_result_that_is_an_object_is_sent_as_json_text() -> None:
    (sent,) = prepare_messages([{"role": "tool", "tool_call_id": "1", "content": {"ü": True}}], "MiniMax-M3")
    assert {"role": "tool", "tool_call_id": "1", "content": '{"ü":true}'} == sent


def test_a_developer_message_is_a_system_message_everywhere() -> None:
    developer: Message = {"role": "developer", "content": "be brief", "name": "x"}
    sent = ({"role": "system", "content": "be brief", "name": "x"}, USER)
    for model in ("MiniMax-M3", "MiniMax-M2.7", "anything"):
        assert sent == prepare_messages([developer, USER], model)
    assert (developer, {"role": "system", "content": "JSON"}, USER) == add_instruction(
        [developer, USER], "JSON"
    )
    later = prepare_messages([USER, developer], "MiniMax-M2.7")
    assert ["system", "user"] == [message["role"] for message in later]
