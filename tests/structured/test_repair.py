"""An invalid answer is an error that knows the answer, and two messages that ask for its repair."""

import pytest

from mmpipe.core.events import Event, Start, Stop, Text, ToolCall
from mmpipe.core.reply import Reply
from mmpipe.structured.constraint import OutputConstraint
from mmpipe.structured.extraction import extract_valid_json
from mmpipe.structured.repair import InvalidAnswer, repair_messages, schema_instruction
from mmpipe.structured.schema import Schema

PERSON = Schema.parse('{"properties": {"age": {"type": "integer"}}}', "person")
CONSTRAINT = OutputConstraint(lambda text: extract_valid_json(text, PERSON))
MESSAGE = {"role": "assistant", "content": '{"age": "old"}'}


def invalid() -> tuple[Reply, InvalidAnswer]:
    reply = Reply()
    for event in (Start("1", "M", "trace"), Text('{"age": "old"}'), Stop("stop", MESSAGE)):
        reply.add(event)
    with pytest.raises(InvalidAnswer) as caught:
        CONSTRAINT.apply(reply, offers_tools=True)
    return reply, caught.value


def test_the_error_carries_the_id_of_the_request_and_the_reply_no_text() -> None:
    reply, error = invalid()
    assert "trace" == error.request_id
    assert [] == reply.texts
    assert error.message.startswith("the answer is invalid: $.age")


def test_the_model_gets_its_answer_back_and_the_complaint() -> None:
    reply, error = invalid()
    answer, complaint = repair_messages(reply, error)
    assert MESSAGE is answer
    assert "user" == complaint["role"]
    assert f"\n{error.complaint}\n" in str(complaint["content"])


def test_the_instruction_holds_the_schema() -> None:
    assert schema_instruction(PERSON).endswith(f"\n{PERSON.text}")


CALLING = {"role": "assistant", "content": "", "tool_calls": [{"id": "a"}, {"id": "b"}]}


def calling(text: str) -> Reply:
    reply = Reply()
    calls: list[Event] = [ToolCall(number, identity, "get", "{}") for number, identity in enumerate("ab")]
    events: list[Event] = [Start("1", "M", "trace"), Text(text), *calls, Stop("tool_calls", CALLING)]
    for event in events:
        reply.add(event)
    return reply


@pytest.mark.parametrize("text", ["", "I will look.", '{"age": 5}', '{"age": "old"}'])
def test_where_tools_are_offered_a_call_is_no_answer_yet(text: str) -> None:
    reply = calling(text)
    CONSTRAINT.apply(reply, offers_tools=True)
    assert [] == reply.texts


def test_where_no_tools_are_offered_the_text_beside_a_call_is_the_answer() -> None:
    reply = calling('{"age": 5}')
    CONSTRAINT.apply(reply, offers_tools=False)
    assert ['{"age":5}'] == reply.texts


@pytest.mark.parametrize("text", ["", "\n", "I will look.", '{"age": "old"}'])
def test_a_call_that_nobody_can_answer_is_an_invalid_answer(text: str) -> None:
    reply = calling(text)
    with pytest.raises(InvalidAnswer) as caught:
        CONSTRAINT.apply(reply, offers_tools=False)
    assert (not text.strip()) == ("there are no tools" in caught.value.complaint)
    answer, *results, complaint = repair_messages(reply, caught.value)
    assert CALLING is answer
    assert ["a", "b"] == [result["tool_call_id"] for result in results]
    assert "user" == complaint["role"]
