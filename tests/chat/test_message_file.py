"""The file of --messages may be a transcript, the body of a request, or a conversation of a data set."""

import json

import pytest

from mmpipe.chat.message_file import parse_messages
from mmpipe.chat.opening import add_user_input, check_ready
from mmpipe.chat.user_input import UserInput
from mmpipe.core.events import Message
from mmpipe.errors import InputError, MmpipeError

USER: Message = {"role": "user", "content": "hello"}
ANSWER: Message = {"role": "assistant", "content": "hi", "reasoning_details": [{"text": "hm"}], "x": 1}
BRIEF: Message = {"role": "system", "content": "be brief"}
DEVELOPER: Message = {"role": "developer", "content": "be brief"}
TURNS = [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "hi"}]
CONVERTED = ({"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"})
CALLING: Message = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": True}}}],
}
RESULT: Message = {"role": "tool", "tool_call_id": "1", "content": "18"}


def parse(value: object, **layout: int) -> tuple[tuple[Message, ...], list[str]]:
    """Return the messages and the warnings."""
    warnings: list[str] = []
    text = value if isinstance(value, str) else json.dumps(value, indent=layout.get("indent"))
    return parse_messages(text, "talk", warnings.append), warnings


@pytest.mark.parametrize("indent", [0, 2])
def test_the_body_of_a_request_is_read_and_what_is_not_used_is_named(indent: int) -> None:
    body = {"model": "gpt-4", "temperature": 0, "tools": [], "messages": [USER, ANSWER]}
    expected = "talk: only its messages are used, and not its model, temperature, tools"
    assert ((USER, ANSWER), [expected]) == parse(body, indent=indent)
    assert ((USER, ANSWER), [expected]) == parse([body], indent=indent)
    assert ((USER,), []) == parse({"messages": [USER]}, indent=indent)
    assert ((USER,), []) == parse(USER, indent=indent)


@pytest.mark.parametrize("system", ["be brief", [{"type": "text", "text": "be brief"}]])
def test_the_system_message_beside_the_messages_is_one_of_them(system: object) -> None:
    expected = {"role": "system", "content": "be brief"}
    assert ((expected, USER), []) == parse({"system": system, "messages": [USER]})
    assert ((expected, *CONVERTED), []) == parse({"conversations": TURNS, "system": system})


@pytest.mark.parametrize(
    "value",
    [
        {"conversations": TURNS},
        [{"conversations": TURNS}],
        {"messages": TURNS},
        TURNS,
        "\n".join(map(json.dumps, TURNS)),
        {"conversations": list(CONVERTED)},
    ],
)
def test_turns_of_sharegpt_are_converted_wherever_they_stand(value: object) -> None:
    assert (CONVERTED, []) == parse(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            [{"conversations": TURNS}, {"conversations": TURNS}],
            "talk: message 1 is a record with a conversation of its own",
        ),
        (
            "\n".join(['{"messages":[{"role":"user","content":"a"}]}'] * 2),
            "line 1 is a record with a conversation",
        ),
        ({"custom_id": "1", "body": {"messages": [USER]}}, "`mmpipe batch` asks the records of a file"),
        (
            {"contents": [{"role": "user", "parts": []}]},
            "line 1 is a request of Gemini: expected are messages",
        ),
        ({"model": "m", "input": "hi"}, "line 1 is a request of the Responses API"),
        ({"id": "x", "message": ANSWER}, "-F messages writes those"),
        ({"messages": [USER, 3]}, "talk: message 2 is not a JSON object"),
        ({"messages": [{"content": "a"}]}, "talk: message 1 has no role"),
        ({"conversations": [{"from": "bard", "value": "a"}]}, "talk: turn 1 is from 'bard'"),
        (
            '{\n "messages": [\n  {"role": user}\n ]\n}',
            "talk: line 3 is not JSON: Expecting value at character 12",
        ),
        ('{"messages": [', "talk: line 1 is not JSON"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "lone surrogate"),
    ],
)
def test_a_file_that_is_no_conversation_is_refused_by_what_it_is(value: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(value)
    assert caught.value.message.startswith("talk")
    assert reason in caught.value.message


def test_an_object_without_a_message_in_it_holds_none() -> None:
    assert ((), []) == parse({"messages": []}) == parse({"conversations": []})


def opened(
    *earlier: Message, messages: tuple[Message, ...] = (), prompt: str = "", system: str = "new"
) -> list[Message]:
    """Return the whole conversation that is asked, with `-s`."""
    new = add_user_input(earlier, UserInput(messages, "talk", system, {}, prompt), "the conversation")
    check_ready((*earlier, *new), runs_tools=False, at_terminal=False)
    return [*earlier, *new]


NEW: Message = {"role": "system", "content": "new"}
AND: Message = {"role": "user", "content": "and?"}


def test_a_system_message_stands_before_a_transcript_without_one() -> None:
    assert [NEW, USER] == opened(messages=(USER,))
    assert [NEW, USER, ANSWER, AND] == opened(messages=(USER, ANSWER), prompt="and?")
    assert [NEW, USER, CALLING, RESULT] == opened(messages=(USER, CALLING, RESULT))


@pytest.mark.parametrize("first", [BRIEF, DEVELOPER])
def test_a_second_system_message_comes_last_whether_or_not_the_model_is_waited_for(first: Message) -> None:
    assert [first, USER, NEW] == opened(messages=(first, USER)) == opened(first, USER)
    assert [first, USER, ANSWER, NEW, AND] == opened(first, USER, ANSWER, prompt="and?")
    assert [first, USER, CALLING, RESULT, NEW] == opened(first, USER, CALLING, RESULT)
    assert [first, USER] == opened(messages=(first, USER), system="be brief")
    assert [USER, NEW] == opened(USER)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ((USER, ANSWER), "nothing in the conversation waits for an answer"),
        ((BRIEF, USER, ANSWER), "nothing in the conversation waits for an answer"),
        ((BRIEF,), "nothing in the conversation waits for an answer"),
        ((USER, CALLING), "the result of 1 (f) is missing"),
        ((BRIEF, USER, CALLING), "the calls at the end of the conversation come first"),
        ((USER, {"role": "user", "value": "a"}), "talk: message 2 has no content"),
    ],
)
def test_a_transcript_that_cannot_be_asked_is_refused_with_the_true_reason(
    messages: tuple[Message, ...], reason: str
) -> None:
    with pytest.raises(MmpipeError) as caught:
        opened(messages=messages)
    assert reason in caught.value.message
