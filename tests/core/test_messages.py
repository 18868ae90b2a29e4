"""Messages that the service would refuse are repaired or reported before the request."""

import json

import pytest

from mmpipe.core.events import Message
from mmpipe.core.messages import (
    add_instruction,
    awaits_answer,
    check_parts,
    check_results,
    drop_open_calls,
    prepare_messages,
)
from mmpipe.errors import InputError

USER: Message = {"role": "user", "content": "a"}
BRIEF: Message = {"role": "system", "content": "be brief"}
KIND: Message = {"role": "system", "content": [{"type": "text", "text": "be kind"}]}


def calling(*names: str, arguments: str = "{}") -> Message:
    calls = [
        {"id": name, "type": "function", "function": {"name": "f", "arguments": arguments}} for name in names
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls, "unknown": 1}


def result(name: str) -> Message:
    return {"role": "tool", "tool_call_id": name, "content": "b"}


def test_a_model_that_takes_one_system_message_gets_one_at_the_beginning() -> None:
    joined = {"role": "system", "content": "be brief\n\nbe kind"}
    assert (joined, USER) == prepare_messages([BRIEF, USER, KIND], "MiniMax-M2.7")
    assert ({**KIND, "content": "be kind"}, USER) == prepare_messages([USER, KIND], "MiniMax-M2.1")


@pytest.mark.parametrize("model", ["MiniMax-M3", "a-model-that-nobody-knows"])
def test_other_models_get_system_messages_where_they_stand(model: str) -> None:
    assert (BRIEF, USER, KIND) == prepare_messages([BRIEF, USER, KIND], model)


def test_a_single_system_message_at_the_beginning_is_sent_as_it_is() -> None:
    assert (KIND, USER) == prepare_messages([KIND, USER], "MiniMax-M2.7")


def test_an_instruction_comes_after_the_system_messages_of_the_user() -> None:
    instruction = {"role": "system", "content": "JSON"}
    assert (BRIEF, instruction, USER) == add_instruction([BRIEF, USER], "JSON")
    assert (instruction, USER) == add_instruction([USER], "JSON")


def test_an_answer_is_sent_back_unchanged() -> None:
    answer = calling("1", "2", arguments='{"a": 1.0}')
    assert answer is prepare_messages([USER, answer], "MiniMax-M2.7")[1]


def test_arguments_that_are_not_json_are_quoted_in_some_that_are() -> None:
    answer = calling("1", arguments='{"a": "')
    sent = prepare_messages([answer], "MiniMax-M3")[0]
    assert {"not_json": '{"a": "'} == json.loads(sent["tool_calls"][0]["function"]["arguments"])  # type: ignore[index]
    assert {**calling("1"), "tool_calls": None} == {**sent, "tool_calls": None}
    assert '{"a": "' == answer["tool_calls"][0]["function"]["arguments"]  # type: ignore[index]


@pytest.mark.parametrize(("arguments", "sent"), [({"a": 1}, '{"a":1}'), (None, "{}"), ([], "[]")])
def test_arguments_of_a_transcript_that_are_no_text_are_sent_as_json_text(
    arguments: object, sent: str
) -> None:
    answer = {
        "role": "assistant",
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": arguments}}],
    }
    (message,) = prepare_messages([answer], "MiniMax-M3")
    assert sent == message["tool_calls"][0]["function"]["arguments"]  # type: ignore[index]


def test_no_arguments_are_sent_as_an_empty_object() -> None:
    sent = prepare_messages([calling("1", arguments="")], "MiniMax-M3")[0]
    assert "{}" == sent["tool_calls"][0]["function"]["arguments"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([USER, result("1")], "message 2 is the result of a missing call: '1'"),
        ([calling("1"), result("1"), result("1")], "message 3 is the result"),
        ([calling("1"), USER], r"message 2 comes before the result of 1 \(f\)"),
        ([calling("1", "2"), result("2"), calling("3")], r"message 3 comes before the result of 1 \(f\)"),
    ],
)
def test_the_error_of_a_broken_chain_of_calls_and_results_names_its_place(
    messages: list[Message], words: str
) -> None:
    with pytest.raises(InputError, match=f"talk.jsonl: {words}"):
        check_results(messages, "talk.jsonl: ")


def test_a_whole_chain_is_good_in_any_order_of_results_and_may_end_with_calls() -> None:
    check_results([calling("1", "2"), result("2"), result("1"), USER, calling("1")], "talk.jsonl: ")


def test_calls_without_results_are_left_out_of_a_continued_conversation() -> None:
    whole = [USER, calling("1"), result("1")]
    assert whole == drop_open_calls([*whole, calling("2", "3"), result("3")])
    assert whole == drop_open_calls(whole)


def test_only_some_models_accept_images() -> None:
    seen: Message = {"role": "user", "content": [{"type": "image_url"}, {"type": "text"}]}
    check_parts([seen], "MiniMax-M3")
    with pytest.raises(InputError, match=r"MiniMax-M2\.7 does not accept image_url"):
        check_parts([seen], "MiniMax-M2.7")


def test_the_parts_of_an_answer_are_sent_back_to_any_model() -> None:
    check_parts([{"role": "assistant", "content": [{"type": "thinking"}, {"type": "text"}]}], "MiniMax-M2.7")


def test_a_lone_surrogate_of_an_answer_is_replaced_in_what_is_sent() -> None:
    answer: Message = {
        "role": "assistant",
        "content": "a\ud83d",
        "size": 2**70,
        "parts": [{"\ude00": "\ud83d\ude00"}],
    }
    sent = {"role": "assistant", "content": "a\ufffd", "size": 2**70, "parts": [{"\ufffd": "\U0001f600"}]}
    assert (USER, sent) == prepare_messages([USER, answer], "MiniMax-M3")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], False),
        ([USER], True),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}]}], True),
        ([{"role": "user", "content": ""}], False),
        ([{"role": "user", "content": " \n"}], False),
        ([{"role": "user", "content": None}], False),
        ([{"role": "user", "content": []}], False),
        ([{"role": "user"}], False),
        ([USER, {"role": "assistant", "content": "b"}], False),
        ([{"role": "system", "content": "s"}], False),
        ([USER, calling("1"), {"role": "tool", "tool_call_id": "1", "content": ""}], True),
        ([USER, {"role": "assistant", "content": ""}, USER], True),
    ],
)
def test_a_message_of_the_user_or_a_result_waits_for_an_answer(
    messages: list[Message], expected: bool
) -> None:
    assert expected is awaits_answer(messages)
