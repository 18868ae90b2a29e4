"""A record that cannot be sent is refused in one sentence, before it costs anything."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.text import strict_json
from support.record_reading import ENVELOPE, JSONL, LINES, bad, good, read, templated, user

ANSWER = {"role": "assistant", "content": "b"}
FUNCTION = {"name": "f", "arguments": "{}"}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "7"}


def test_a_field_that_the_template_needs_and_the_record_lacks_is_named() -> None:
    for value, form in (({"name": 1}, JSONL), ("text", JSONL), (b"text", LINES)):
        assert "a field title, " in bad(value, templated("{title}", form))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'"a\xff"', "not UTF-8: byte 2 is 0xff"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"prompt": NaN}', "NaN is not a number"),
        (b"[" * 200_000, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a":' * 40_000, "nested too deep"),
        (b'{"id": 1, "prompt": "a", "x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", "nested too deep"),
        (b'{"prompt": "a", "x": ' + b"[" * 500 + b"]" * 500 + b"}", "nested too deep"),
        (b'{"prompt": "a", "x": 1e400}', "a number is too large: 1e400"),
        (b'{"prompt": "a", "x": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
        (rb'{"prompt": "\ud83d"}', "a lone surrogate"),
        (rb'{"prompt": "a", "\uDC00": 1}', "a lone surrogate"),
        ({"prompt": "a", "model": "m" * 201}, "a name has at most 200 characters"),
        (7, "neither a string nor an object"),
        ([user("a")], "neither a string nor an object"),
        ("", "prompt is empty"),
        (" \u2028\t", "prompt is empty"),
        ({}, "no prompt, no messages"),
        ({"prompt": 7}, "its prompt is 7: it must be a string"),
        ({"prompt": " "}, "its prompt is empty"),
        ({"prompt": "a", "messages": [user("a")]}, "both prompt and messages"),
        ({"messages": []}, "at least one message"),
        ({"messages": "a"}, "at least one message"),
        ({"messages": [user("a"), {"content": "b"}]}, "message 2 is not an object with a role"),
        ({"messages": [{"role": 1}]}, "message 1 is not an object with a role"),
        (
            {"messages": [user("a"), ANSWER]},
            "nothing waits for an answer: its last message is of the role assistant",
        ),
        ({"messages": [{"role": "system", "content": "s"}]}, "its last message is of the role system"),
        ({"messages": [user("a"), user(" ")]}, "nothing waits for an answer: its last message is empty"),
        ({"messages": [{"role": "user"}]}, "its last message is empty"),
        ({"messages": [user("a"), RESULT]}, "message 2 is the result of a missing call: 'c1'"),
        ({"messages": [user("a"), CALL, user("b")]}, "message 3 comes before the result of c1 (f)"),
        ({"messages": [user("a"), CALL]}, "the result of c1 (f) is missing"),
        ({"messages": [user("a"), CALL, RESULT, ANSWER]}, "is of the role assistant"),
        ({**ENVELOPE, "body": {"messages": [user("a"), ANSWER]}}, "is of the role assistant"),
        ({**ENVELOPE, "body": {"messages": [user("")]}}, "its last message is empty"),
        ({"prompt": "a", "id": None}, "its id is not"),
        ({"prompt": "a", "id": ""}, "its id is not"),
        ({"prompt": "a", "id": True}, "its id is not"),
        ({"prompt": "a", "custom_id": {}}, "its custom_id is not"),
        ({"prompt": "a", "model": 3}, "its model is 3"),
        ({"prompt": "a", "model": ""}, "its model is empty"),
        ({"prompt": "a", "system": ["s"]}, 'its system is ["s"]'),
        ({"prompt": "a", "temperature": 2.5}, "temperature is 2.5: for MiniMax-M3 it must be at least 0"),
        ({"prompt": "a", "temperature": 0, "model": "MiniMax-M2.1"}, "for MiniMax-M2.1 it must be above 0"),
        ({"prompt": "a", "parameters": {"temperature": -1}}, "temperature is -1"),
        ({**ENVELOPE, "body": {"messages": [user("a")], "temperature": 3}}, "temperature is 3"),
        ({"prompt": "a", "temperature": True}, "temperature is True"),
        ({"prompt": "a", "top_p": "1"}, "top-p is 1"),
        ({"prompt": "a", "max_tokens": 0}, "max-tokens is 0"),
        ({"prompt": "a", "max_tokens": 10**9}, "MiniMax-M3 gives at most"),
        ({"prompt": "a", "max_tokens": 1, "max_completion_tokens": 1}, "only one"),
        ({"prompt": "a", "parameters": []}, "parameters are not an object"),
        ({"prompt": "a", "parameters": {"n": 2}}, "one answer"),
        ({"prompt": "a", "parameters": {"functions": []}}, "use tools"),
        ({"prompt": "a", "parameters": {"model": "m"}}, "a field of the record itself"),
        (
            {"prompt": "a", "parameters": {"system": "s"}},
            "system is not a parameter: it is a field of the record itself",
        ),
        ({"prompt": "a", "parameters": {"prompt": "b"}}, "prompt is not a parameter"),
        ({"messages": [user("a")], "parameters": {"body": {}}}, "body is not a parameter"),
        ({"prompt": "a", "parameters": {"parameters": {}}}, "parameters is not a parameter"),
        (
            {**ENVELOPE, "body": {"messages": [user("a")], "images": ["x.png"]}},
            "images is not a parameter: its body has",
        ),
        (
            {**ENVELOPE, "body": {"messages": [user("a")], "prompt": "b"}},
            "prompt is not a parameter: its body has",
        ),
        ({"prompt": "a", "system": 3}, "its system is 3: it must be a string, or a list of text parts"),
        ({"prompt": "a", "parameters": {"stream": True}}, "use --wire, and --set stream=null"),
        ({"prompt": "a", "temperature": 3}, "; --set temperature=VALUE replaces it in every record"),
        ({"prompt": "a", "temperature": "hot"}, "; --set temperature=VALUE"),
        ({"prompt": "a", "top_p": 2}, "; --set top_p=VALUE"),
        ({"prompt": "a", "max_tokens": 10**9}, "; --set max_tokens=VALUE"),
        ({"prompt": "a", "max_completion_tokens": 0}, "; --set max_tokens=VALUE"),
        ({"prompt": "a", "n": 2}, "; --set n=VALUE"),
        ({"prompt": "a", "top_p": 1, "parameters": {"top_p": 1}}, "top_p is given twice"),
        ({**ENVELOPE, "method": "GET", "body": {"messages": [user("a")]}}, 'its method is "GET"'),
        ({**ENVELOPE, "url": "/v1/embeddings", "body": {"input": "a"}}, 'its url is "/v1/embeddings"'),
        ({**ENVELOPE, "body": {}}, "at least one message"),
        ({**ENVELOPE, "model": "m", "body": {"messages": [user("a")]}}, "model stands beside body"),
        ({**ENVELOPE, "body": {"messages": [user("a")], "n": 3}}, "one answer"),
        (
            {**ENVELOPE, "body": {"messages": [user("a")], "stream": True}},
            "stream cannot be set by a record",
        ),
        ({**ENVELOPE, "body": {"messages": [user("a")], "stream_options": {"a": 1}}}, "use --wire"),
    ],
)
def test_a_record_that_cannot_be_sent_is_refused_with_the_reason(value: object, words: str) -> None:
    assert words in bad(value)


@pytest.mark.parametrize("form", ['{"messages":[%s,%s]}', '{"body":{"messages":[%s,%s]}}'])
def test_a_lone_surrogate_of_an_earlier_answer_is_replaced(form: str) -> None:
    answer = r'{"role":"assistant","content":"a\ud83d"}'
    (record,) = read((form % (answer, json.dumps(user("b")))).encode(), JSONL)
    assert isinstance(record, Record)
    assert {"role": "assistant", "content": "a\ufffd"} == record.request.messages[0]


def test_a_prompt_from_a_template_must_not_be_empty_either() -> None:
    assert "prompt is empty" in bad({"title": " "}, templated("{title}\n"))
    assert "prompt is empty" in bad(b"\xc2\xa0", templated("{}", LINES))


def test_a_bad_record_keeps_its_place_and_its_id_and_the_next_one_is_read() -> None:
    content = b'{"custom_id": "x", "prompt": 1}\nbroken\n"ok"\n' + b"9" * 50
    expected = [
        BadRecord(0, "x", "in", 1, "its prompt is 1: it must be a string", custom_id=True, fields={}),
        BadRecord(1, None, "in", 2, "it is not JSON: Expecting value at character 1"),
        (2, "2", 3),
        BadRecord(3, None, "in", 4, "it is longer than 40 bytes"),
    ]
    found = read(content, limit=40)
    assert expected == [
        record if isinstance(record, BadRecord) else (record.index, record.id, record.number)
        for record in found
    ]


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_line_whatsoever_stops_the_reading(content: bytes) -> None:
    # The beginning of an array over several lines is no line of any records.
    assume(not content.strip().startswith(b"["))
    for form in (LINES, JSONL):
        records = read(content + b'\n"last"\n', form)
        assert isinstance(records[-1], Record)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["id", "prompt", "messages", "body", "url", "model", "system", "parameters", "top_p"])


@given(st.dictionaries(NAMES, JSON))
def test_every_object_is_a_record_that_can_be_sent_or_a_sentence(value: dict[str, object]) -> None:
    [record] = read(json.dumps(value).encode(), JSONL)
    if isinstance(record, Record):
        assert json.dumps(record.request.body(), ensure_ascii=False).encode()
    else:
        assert record.message


@pytest.mark.slow
@given(JSON)
def test_every_value_is_read_as_it_was_written(value: object) -> None:
    assert repr(value) == repr(good({"prompt": "a", "x": value}).fields["x"])


@given(
    JSON,
    st.booleans(),
    st.integers(0, 60),
    st.integers(0, 2),
    st.text('{}[]",:\\u0dD8tn1.-+E \t\xe9', max_size=2),
)
def test_json_is_what_the_standard_says(
    value: object, escaped: bool, at: int, length: int, instead: str
) -> None:
    text = json.dumps({"prompt": "a", "x": value}, ensure_ascii=escaped)
    text = text[:at] + instead + text[at + length :]
    # The first line of an array is no record, and ends the reading.
    assume(not text.startswith("["))
    [record] = read(text.encode(), JSONL)
    try:
        expected = strict_json.loads(text)
        json.dumps(expected, ensure_ascii=False).encode()
    except ValueError:
        assert isinstance(record, BadRecord)
    else:
        # A string has no fields, and what cannot be asked has none that are shown.
        if isinstance(record, Record) and isinstance(expected, dict):
            assert all(repr(expected[name]) == repr(value) for name, value in record.fields.items())


def test_results_wait_for_an_answer_as_a_question_does() -> None:
    messages = [user("a"), CALL, RESULT]
    assert tuple(messages) == good({"messages": messages}).request.messages
