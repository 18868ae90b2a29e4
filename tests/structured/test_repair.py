"""An invalid answer is an error that knows the answer, and two messages that ask for its repair."""

import pytest

from mmpipe.core.events import Start, Stop, Text
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
        CONSTRAINT.apply(reply)
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
