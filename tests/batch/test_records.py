"""A line says what to ask, and under which id; what cannot be asked is told in one sentence with its line."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.reading import AUTO, ENVELOPE, JSONL, LINES, MODEL, good, prompts, read, templated, user
from mmpipe.batch.lines import Line
from mmpipe.batch.records import BadRecord, Record, guess_form, read_records, request_digest
from mmpipe.batch.shapes import Defaults, Format
from mmpipe.request import Request


def test_each_line_of_text_is_a_prompt_to_the_byte() -> None:
    assert ["why?", " a\tb\u2028c ", "null"] == prompts("why?\n a\tb\u2028c \nnull\n".encode(), LINES)


def test_blank_lines_are_no_records_but_are_counted() -> None:
    places = [(record.index, record.id, record.number) for record in read(b"\n a\n \t\r\n\nb\n")]
    assert [(0, "0", 2), (1, "1", 5)] == places


def test_a_string_and_an_object_with_a_prompt_ask_the_same() -> None:
    expected = Request(MODEL, (user("hü"),), {}, streamed=False)
    assert expected == good("hü").request == good({"prompt": "hü"}).request
    assert good("hü").sha256 == good({"prompt": "hü", "id": "x"}).sha256


def test_messages_are_sent_as_they_are() -> None:
    messages = [user("a"), {"role": "assistant", "content": "b", "extra": [1]}, user("c")]
    assert tuple(messages) == good({"messages": messages}).request.messages


def test_the_line_of_a_batch_file_for_openai_is_understood() -> None:
    body = {"model": "m", "messages": [user("a")], "max_tokens": 5, "seed": 1, "stream": False}
    record = good({**ENVELOPE, "body": body})
    assert (
        Request("m", (user("a"),), {"max_completion_tokens": 5, "seed": 1}, streamed=False) == record.request
    )
    assert ("a", True, {}) == (record.id, record.custom_id, record.fields)
    assert MODEL == good({"body": {"messages": [user("a")]}}).request.model


def test_a_record_may_choose_model_system_and_parameters() -> None:
    record = {
        "prompt": "a", "model": "m", "system": "s", "temperature": 0.5, "top_p": 0, "max_tokens": 9,
        "parameters": {"seed": 7},
    }  # fmt: skip
    parameters = {"temperature": 0.5, "top_p": 0, "max_completion_tokens": 9, "seed": 7}
    expected = Request("m", ({"role": "system", "content": "s"}, user("a")), parameters, streamed=False)
    assert (
        expected
        == good(record, replace(JSONL, system="default", parameters={"temperature": 1, "seed": 1})).request
    )


def test_what_a_record_does_not_say_is_as_for_all() -> None:
    expected = Request(MODEL, ({"role": "system", "content": "s"}, user("a")), {"seed": 1}, streamed=True)
    defaults = replace(JSONL, system="s", parameters={"seed": 1}, streamed=True)
    assert expected == good("a", defaults).request
    assert (
        expected
        == good({"prompt": "a", "model": None, "system": None, "temperature": None}, defaults).request
    )


def test_the_system_message_of_a_transcript_is_closer_than_that_for_all() -> None:
    messages = [{"role": "system", "content": "own"}, user("a")]
    assert tuple(messages) == good({"messages": messages}, replace(JSONL, system="for all")).request.messages


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": "x"}, ("x", False)),
        ({"custom_id": "x"}, ("x", True)),
        ({"custom_id": "x", "id": "y"}, ("x", True)),
        ({"id": 7}, ("7", False)),
        ({"id": 1.5}, ("1.5", False)),
        ({"id": 1e22}, ("10000000000000000000000", False)),
        ({"id": 10**30}, (str(10**30), False)),
        ({}, ("0", False)),
    ],
)
def test_the_id_is_the_records_own_or_else_its_index(
    given: dict[str, object], expected: tuple[str, bool]
) -> None:
    record = good({"prompt": "a", **given})
    assert expected == (record.id, record.custom_id)


def test_fields_that_are_not_ours_are_kept() -> None:
    record = good({"prompt": "a", "id": 1, "top_p": 1, "url": "u", "body": "b", "tags": ["x"], "seed": 1})
    assert {"url": "u", "body": "b", "tags": ["x"], "seed": 1} == record.fields
    assert {"id": "y"} == good({"prompt": "a", "custom_id": "x", "id": "y"}).fields
    assert {"n": 1} == good({**ENVELOPE, "n": 1, "body": {"messages": [user("a")]}}).fields


def test_the_hash_is_that_of_the_canonical_body() -> None:
    one = Request("m", (user("ü"),), {"a": {"y": 1, "x": 2}}, streamed=False)
    other = Request("m", ({"content": "ü", "role": "user"},), {"a": {"x": 2, "y": 1}}, streamed=False)
    canonical = '{"a":{"x":2,"y":1},"messages":[{"content":"ü","role":"user"}],"model":"m"}'
    expected = hashlib.sha256(canonical.encode()).hexdigest()
    assert expected == request_digest(one) == request_digest(other)


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_prompts_have_different_hashes(one: str, other: str) -> None:
    requests = [Request("m", (user(text),), {}, streamed=False) for text in (one, other)]
    assert (one == other) == (request_digest(requests[0]) == request_digest(requests[1]))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"prompt": "a"}', "jsonl"),
        (b' "a"', "jsonl"),
        (b'{"level": "info"}', "jsonl"),
        (b'"Hello," he said.', "lines"),
        (b"{broken", "lines"),
        (b"[1]", "lines"),
        (b"42", "lines"),
        (b'"\xff"', "lines"),
    ],
)
def test_the_first_line_tells_the_form(content: bytes, expected: Format) -> None:
    assert expected == guess_form(Line("in", 1, content))


@pytest.mark.parametrize("source", ["in.jsonl", "in.ndjson", "in.jsonl.gz"])
def test_a_file_that_is_called_jsonl_is_no_text_because_its_first_line_is_broken(source: str) -> None:
    kinds = [type(record) for record in read(b'{broken\n{"prompt": "a"}\n', source=source)]
    assert [BadRecord, Record] == kinds


def test_each_source_has_its_own_form_and_keeps_it() -> None:
    lines = [
        Line("a", 1, b""),
        Line("a", 2, b'"x"'),
        Line("b", 1, b"y"),
        Line("a", 3, b"z"),
        Line("b", 2, b'"w"'),
    ]
    records = list(read_records(lines, Defaults(MODEL)))
    expected: list[object] = [("x",), ("y",), "it is not JSON: Expecting value at character 1", ('"w"',)]
    found = [
        tuple(m["content"] for m in record.request.messages) if isinstance(record, Record) else record.message
        for record in records
    ]
    assert expected == found


def test_a_form_that_was_named_is_not_guessed() -> None:
    assert ['"a"'] == prompts(b'"a"', LINES)
    assert [BadRecord] == [type(record) for record in read(b"a", JSONL)]


def test_a_template_makes_the_prompt_of_lines_and_of_fields() -> None:
    whole, field = templated("Rate: {}"), templated("Rate: {title}{id}")
    assert ["Rate: a {b}"] == prompts(b"a {b}", whole)
    assert ["Rate: a"] == prompts(b'"a"', whole)
    assert ['Rate: {"level": 1}'] == prompts(b' {"level": 1} ', whole)
    assert ["Rate: Emma7"] == prompts(b'{"title": "Emma", "id": 7}', field)
    assert ["Rate: Emma7"] == prompts(b'{"title": "Emma", "id": 7, "prompt": "not me"}', field)


def test_a_template_may_be_about_records_of_the_web() -> None:
    record = {"url": "http://example.org", "method": "GET", "body": {"x": 1}}
    request = good(record, templated("{method} {url} {body}")).request
    assert 'GET http://example.org {"x":1}' == request.messages[-1]["content"]


def test_a_bad_record_keeps_its_place_and_its_id_and_the_next_one_is_read() -> None:
    content = b'{"custom_id": "x", "prompt": 1}\nbroken\n"ok"\n' + b"9" * 50
    expected = [
        BadRecord(0, "x", "in", 1, "its prompt is 1: it must be a string", custom_id=True),
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
    for form in (AUTO, LINES, JSONL):
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
