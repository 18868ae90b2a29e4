"""A record has a request and an id."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mmpipe.batch.records.digest import digest_request
from mmpipe.batch.records.formats.record_format import Content, FormatOptions
from mmpipe.batch.records.records import AnsweredRecord, BadRecord, Record, read_records
from mmpipe.batch.records.requests import build_prompt_request
from mmpipe.batch.records.sources import Piece
from mmpipe.batch.records.template import Template
from mmpipe.core.effort import Effort, effort_fields
from mmpipe.core.request import Request
from support.json_texts import Written, written
from support.record_reading import (
    AUTO,
    ENVELOPE,
    JSONL,
    LINES,
    MODEL,
    Defaults,
    bad,
    good,
    prompts,
    read,
    read_lightly,
    templated,
    user,
)


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


def test_the_model_of_a_record_gets_the_effort_in_its_own_words() -> None:
    off = {"thinking": {"type": "disabled"}}
    defaults = replace(Defaults(model="MiniMax-M3", effort="none"), parameters={"top_p": 1, **off})
    sent = [
        good({"prompt": "a", **own}, defaults).request.parameters
        for own in (
            {},
            {"model": "MiniMax-M2"},
            {"model": "mine"},
            {"model": "mine", "reasoning_effort": "low"},
        )
    ]
    rest = {"top_p": 1}
    assert [
        {**rest, **off},
        rest,
        {**rest, "reasoning_effort": "none"},
        {**rest, "reasoning_effort": "low"},
    ] == sent


@pytest.mark.parametrize(
    ("model", "effort", "own", "expected"),
    [
        ("MiniMax-M3.1-Flash", "high", {"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        ("MiniMax-M3.1-Flash", "high", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("MiniMax-M3", "none", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("MiniMax-M3", "none", {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "adaptive"}}),
        ("MiniMax-M3", "none", {"reasoning_effort": "low", "model": "mine"}, {"reasoning_effort": "low"}),
        ("MiniMax-M3", "none", {"reasoning_effort": None}, {"thinking": {"type": "disabled"}, "reasoning_effort": None}),
        ("MiniMax-M3", "none", {"seed": 1}, {"thinking": {"type": "disabled"}, "seed": 1}),
    ],
)  # fmt: skip
def test_a_record_that_says_how_much_to_think_gets_nothing_of_the_effort(
    model: str, effort: Effort, own: dict[str, object], expected: dict[str, object]
) -> None:
    defaults = replace(JSONL, model=model, effort=effort, parameters=effort_fields(effort, model))
    for record in (
        {"prompt": "a", **own},
        {"prompt": "a", "parameters": {n: v for n, v in own.items() if n != "model"}},
        {**ENVELOPE, "body": {"messages": [user("a")], **own}},
    ):
        assert expected == good(record, defaults).request.parameters


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


def test_the_limit_of_a_record_has_the_name_that_the_run_gives_it() -> None:
    old, new = (replace(JSONL, parameters={name: 5}) for name in ("max_tokens", "max_completion_tokens"))
    for own in ("max_tokens", "max_completion_tokens"):
        record: dict[str, object] = {"prompt": "a", own: 9}
        assert {"max_tokens": 9} == good(record, old).request.parameters
        assert {"max_completion_tokens": 9} == good(record, new).request.parameters
    assert {"max_tokens": 5} == good({"prompt": "a"}, old).request.parameters


def test_the_temperature_of_the_run_is_judged_by_the_model_of_the_record() -> None:
    hot = replace(JSONL, parameters={"temperature": 2})
    for model in ("MiniMax-M3", "my-model"):
        assert {"temperature": 2} == good({"prompt": "a", "model": model}, hot).request.parameters
    assert "for MiniMax-M2.7 it must be above 0" in bad({"prompt": "a", "model": "MiniMax-M2.7"}, hot)


def test_further_fields_of_the_request_stand_under_parameters_or_in_the_body() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    further = {"reasoning_split": False, "tools": tools, "tool_choice": "auto"}
    defaults = replace(JSONL, parameters={"reasoning_split": True})
    expected = Request(MODEL, (user("a"),), further, streamed=False)
    assert expected == good({"prompt": "a", "parameters": further}, defaults).request
    assert expected == good({**ENVELOPE, "body": {"messages": [user("a")], **further}}, defaults).request
    # Well-known names need no such place.
    record = good({"prompt": "a", **further}, defaults)
    assert (expected, {}) == (record.request, record.fields)


@pytest.mark.parametrize(
    ("model", "kind", "refused"),
    [
        ("MiniMax-M2.7", "image_url", True),
        ("MiniMax-M3", "image_url", False),
        ("MiniMax-M3", "input_audio", True),
        ("somebody-elses", "input_audio", False),
        ("MiniMax-M2.7", "text", False),
    ],
)
def test_parts_that_a_model_is_known_not_to_take_are_refused(model: str, kind: str, refused: bool) -> None:
    messages = [{"role": "user", "content": [{"type": kind, kind: "x"}]}]
    for value in (
        {"messages": messages, "model": model},
        {**ENVELOPE, "body": {"messages": messages, "model": model}},
    ):
        [record] = read(json.dumps(value).encode(), JSONL)
        assert refused is isinstance(record, BadRecord)


def test_a_record_without_a_field_has_the_default_of_the_run() -> None:
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


def test_fields_of_the_users_own_are_kept() -> None:
    record = good({"prompt": "a", "id": 1, "top_p": 1, "url": "u", "body": "b", "tags": ["x"]})
    assert {"url": "u", "body": "b", "tags": ["x"]} == record.fields
    assert {"id": "y"} == good({"prompt": "a", "custom_id": "x", "id": "y"}).fields
    assert {"n": 1} == good({**ENVELOPE, "n": 1, "body": {"messages": [user("a")]}}).fields


def test_beside_a_prompt_or_messages_a_body_is_a_field_like_any_other() -> None:
    body = {"messages": [user("not me")]}
    for own in ({"prompt": "a"}, {"messages": [user("a")]}):
        record = good({**own, "body": body})
        assert ((user("a"),), {"body": body}) == (record.request.messages, record.fields)


def test_the_hash_is_that_of_the_canonical_body() -> None:
    one = Request("m", (user("ü"),), {"a": {"y": 1, "x": 2}}, streamed=False)
    other = Request("m", ({"content": "ü", "role": "user"},), {"a": {"x": 2, "y": 1}}, streamed=False)
    canonical = '{"a":{"x":2,"y":1},"messages":[{"content":"ü","role":"user"}],"model":"m"}'
    expected = hashlib.sha256(canonical.encode()).hexdigest()
    assert expected == digest_request(one)[0] == digest_request(other)[0]


PARAMETERS = st.dictionaries(st.sampled_from(["a", "m", "messages2", "z", "ü"]), st.text() | st.integers())


@given(
    st.text(min_size=1), st.text(min_size=1), st.none() | st.text(), PARAMETERS, st.booleans(), st.booleans()
)
def test_the_hash_of_a_record_is_that_of_its_request(
    prompt: str, model: str, system: str | None, parameters: dict[str, object], streamed: bool, own: bool
) -> None:
    instruction = system and f"{system}, and in JSON"
    defaults = Defaults(model, system, instruction, parameters, format="jsonl", streamed=streamed)
    value = {"prompt": prompt, "temperature": 0.5} if own else {"prompt": prompt}
    [record] = read(json.dumps(value).encode(), defaults)
    if isinstance(record, Record):
        assert prompt == record.request.messages[-1]["content"]
        assert digest_request(record.request)[0] == record.sha256
        assert own or record.request == build_prompt_request(prompt, defaults)
    else:
        assert (not prompt.strip()) or own


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_prompts_have_different_hashes(one: str, other: str) -> None:
    requests = [Request("m", (user(text),), {}, streamed=False) for text in (one, other)]
    assert (one == other) == (digest_request(requests[0])[0] == digest_request(requests[1])[0])


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


@given(written(spaces=" \t"))
@example(Written("123456789.123456789123", "123456789.123456789123"))
@example(Written("[1.10, -0, 1E2]", "[1.10,-0,1E2]"))
def test_a_number_in_a_template_keeps_every_digit(field: Written) -> None:
    value = json.loads(field.source)
    expected = value if isinstance(value, str) else field.compact
    record = f'{{"a": {field.source}, "o": {{"a": {field.source}}}}}'.encode()
    assert [f"<{expected}> <{expected}>"] == prompts(record, templated("<{a}> <{o.a}>", JSONL))


def test_a_template_may_be_about_records_of_the_web() -> None:
    record = {"url": "http://example.org", "method": "GET", "body": {"x": 1}}
    request = good(record, templated("{method} {url} {body}")).request
    assert 'GET http://example.org {"x":1}' == request.messages[-1]["content"]


def test_a_record_nested_to_the_limit_is_read() -> None:
    deep = b"[" * 499 + b"]" * 499
    assert json.loads(deep) == good({"prompt": "a", "x": json.loads(deep)}).fields["x"]
    assert "too deep" in bad(b'{"prompt": "a", "x": [' + deep + b"]}")
    assert [deep.decode()] == prompts(b'{"x": ' + deep + b"}", templated("{x}"))
    # Brackets in a text, or side by side, are not deep.
    assert "[" * 999 == good("[" * 999).request.messages[-1]["content"]
    assert [[]] * 999 == good({"prompt": "a", "x": [[]] * 999}).fields["x"]


def test_a_pause_between_pieces_is_one_between_records() -> None:
    pausing = [None, Piece("in", b"a\n"), None, None, Piece("in", b"\n"), Piece("in", b"b\n"), None]
    records = read_records(pausing, LINES, FormatOptions("lines"))
    found = [None if record is None else record.index for record in records]
    assert [None, 0, None, None, 1, None] == found


def test_of_what_is_answered_nothing_is_looked_at_but_the_id() -> None:
    content = b'{"id": "x", "prompt": 1}\n"b"\n{"custom_id": 7, "id": "x", "prompt": ""}\n{"id": "y", "prompt": ""}\n'
    *answered, last = read_lightly(content, ["x", "1", "7"].__contains__)
    assert [AnsweredRecord(0, "x"), AnsweredRecord(1, "1"), AnsweredRecord(2, "7")] == answered
    assert isinstance(last, BadRecord)


LINE = st.sampled_from([
    "", " ", "a", "\xff", '"b"', "7", "[]", "{", '{"id": "x"}', '{"id": 1, "prompt": "c"}', '{"id": 1.50}', '{"id": -0}',
    '{"id": 1e400}', '{"id": null}', '{"id": true}', '{"id": ""}', '{"id": "x", "custom_id": "y"}', '{"id": "x"} 1',
    '{"custom_id": 2, "id": {}}', '{"custom_id": [], "id": "x"}', r'{"\u0069d": "x"}', r'{"id": "x", "a": "\ud800"}',
    '{"id": "x", "a": 1e400}', '{"id": "x", "a": NaN}', '{"id": "x", "id": "z"}', "\xc2\xa0{}", '{"id": "x", "a": "\x01"}',
    r'{"id": "\ud800"}', '{"id": ' + "9" * 30 + "}", '{"id": "x", "a": ' + "9" * 5000 + "}", '{"id": "x", "body": {}}',
])  # fmt: skip


@given(
    st.lists(LINE.map(lambda text: text.encode("latin-1"))),
    st.sets(st.sampled_from(["0", "1", "2", "3", "x", "y", "z", "1.50", "1.5", "9" * 30])),
    st.sampled_from([AUTO, LINES, JSONL]),
)
def test_the_light_way_and_the_whole_way_find_the_same_records(
    content: list[bytes], answered: set[str], defaults: Defaults
) -> None:
    # That is an array, or an object over several lines.
    assume(next((line for line in content if line.strip()), b"") not in (b"[]", b"{"))
    whole = read(b"\n".join(content), defaults)

    def name(record: Record | BadRecord) -> str:
        # Of a bad record without fields not even the id was read.
        is_unreadable = isinstance(record, BadRecord) and record.fields is None
        return "" if is_unreadable else record.id or str(record.index)

    expected = [
        AnsweredRecord(record.index, name(record)) if name(record) in answered else record for record in whole
    ]
    assert expected == read_lightly(b"\n".join(content), answered.__contains__, defaults)


class _Broken(Template):
    """A template with a bug."""

    def render(self, content: Content) -> str:
        if "bug" in content.text:
            raise KeyError("bug")
        if "disk" in content.text:
            raise OSError("disk")
        return content.text


def test_a_bug_costs_the_record_that_shows_it_and_no_other() -> None:
    defaults = replace(JSONL, template=_Broken(()))
    first, bug, last = read(b'{"id": "a"}\n{"id": "bug"}\n{"id": "b"}\n', defaults)
    assert isinstance(bug, BadRecord)
    assert "bug" == bug.id
    assert bug.message.startswith("a bug in mmpipe: KeyError: 'bug' (render, line ")
    assert all(isinstance(record, Record) for record in (first, last))
    with pytest.raises(OSError, match="disk"):
        read(b'{"id": "disk"}\n', defaults)
