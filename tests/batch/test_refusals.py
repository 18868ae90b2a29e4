"""What cannot be asked is told in one sentence, before it costs anything."""

import pytest

from batch.reading import ENVELOPE, JSONL, LINES, bad, templated, user


def test_a_field_that_the_template_needs_and_the_record_lacks_is_named() -> None:
    for value, form in (({"name": 1}, JSONL), ("text", JSONL), (b"text", LINES)):
        assert "a field title, " in bad(value, templated("{title}", form))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'"a\xff"', "not UTF-8: byte 2 is 0xff"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"prompt": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deep"),
        (rb'{"prompt": "\ud83d"}', "half a character"),
        (rb'{"prompt": "a", "\uDC00": 1}', "half a character"),
        (7, "neither a string nor an object"),
        ([user("a")], "neither a string nor an object"),
        ("", "prompt is empty"),
        ({}, "no prompt, no messages"),
        ({"prompt": 7}, "its prompt is 7: it must be a string"),
        ({"prompt": " "}, "its prompt is empty"),
        ({"prompt": "a", "messages": [user("a")]}, "both prompt and messages"),
        ({"messages": []}, "at least one message"),
        ({"messages": "a"}, "at least one message"),
        ({"messages": [user("a"), {"content": "b"}]}, "message 2 is not an object with a role"),
        ({"messages": [{"role": 1}]}, "message 1 is not an object with a role"),
        ({"prompt": "a", "id": None}, "its id is not"),
        ({"prompt": "a", "id": ""}, "its id is not"),
        ({"prompt": "a", "id": True}, "its id is not"),
        ({"prompt": "a", "custom_id": {}}, "its custom_id is not"),
        ({"prompt": "a", "model": 3}, "its model is 3"),
        ({"prompt": "a", "model": ""}, "its model is empty"),
        ({"prompt": "a", "system": ["s"]}, "its system is ['s']"),
        ({"prompt": "a", "temperature": 2}, "temperature is 2"),
        ({"prompt": "a", "temperature": True}, "temperature is True"),
        ({"prompt": "a", "top_p": "1"}, "top-p is 1"),
        ({"prompt": "a", "max_tokens": 0}, "max-tokens is 0"),
        ({"prompt": "a", "max_tokens": 10**9}, "MiniMax-M3 gives at most"),
        ({"prompt": "a", "max_tokens": 1, "max_completion_tokens": 1}, "only one"),
        ({"prompt": "a", "parameters": []}, "parameters are not an object"),
        ({"prompt": "a", "parameters": {"n": 2}}, "one answer"),
        ({"prompt": "a", "parameters": {"functions": []}}, "use tools"),
        ({"prompt": "a", "parameters": {"model": "m"}}, "a field of its own"),
        ({"prompt": "a", "parameters": {"stream": True}}, "use --wire"),
        ({"prompt": "a", "top_p": 1, "parameters": {"top_p": 1}}, "top_p is given twice"),
        ({**ENVELOPE, "method": "GET", "body": {"messages": [user("a")]}}, "its method is 'GET'"),
        ({**ENVELOPE, "url": "/v1/embeddings", "body": {"input": "a"}}, "its url is '/v1/embeddings'"),
        ({**ENVELOPE, "body": {}}, "at least one message"),
        ({**ENVELOPE, "model": "m", "body": {"messages": [user("a")]}}, "model stands beside body"),
        ({**ENVELOPE, "body": {"messages": [user("a")], "n": 3}}, "one answer"),
    ],
)
def test_what_cannot_be_asked_is_told(value: object, words: str) -> None:
    assert words in bad(value)


def test_messages_and_a_template_are_one_too_many() -> None:
    template = templated("{}")
    assert "messages of its own" in bad({"messages": [user("a")]}, template)
    assert "messages of its own" in bad({**ENVELOPE, "body": {"messages": [user("a")]}}, template)
