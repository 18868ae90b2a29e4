"""With --template a record is data; --set and --id-field say about it what its owner did not write."""

from dataclasses import replace

import pytest

from mmpipe.core.request import Request
from support.record_reading import (
    ENVELOPE,
    JSONL,
    LINES,
    MODEL,
    bad,
    good,
    overridden,
    templated,
    user,
)

TITLE = templated("{title}", JSONL)
MESSAGES = [user("a")]


@pytest.mark.parametrize(
    "column",
    [
        {"temperature": 12.8}, {"temperature": "hot"}, {"top_p": 7}, {"max_tokens": "many"}, {"model": "T-1000"},
        {"model": 5}, {"system": "solar"}, {"system": ["a"]}, {"tools": "hammer"}, {"n": 3}, {"seed": "oak"},
        {"stop": "bus"}, {"stream": "brook"}, {"functions": 1}, {"prompt": "not me"}, {"prompt": 7},
        {"messages": MESSAGES}, {"messages": "sms"}, {"url": "http://example.org", "method": "GET", "body": {"x": 1}},
        {**ENVELOPE, "body": {"messages": MESSAGES, "temperature": 9}}, {"parameters": "a, b"}, {"parameters": [1]},
        {"parameters": None},
    ],
)  # fmt: skip
def test_with_a_template_no_column_is_a_parameter(column: dict[str, object]) -> None:
    record = good({"title": "Emma", **column}, TITLE)
    assert Request(MODEL, (user("Emma"),), {}, streamed=False) == record.request
    fields = {name: value for name, value in column.items() if name != "custom_id"}
    assert {"title": "Emma", **fields} == record.fields


def test_with_a_template_the_object_parameters_sets_fields_of_the_request() -> None:
    own = {"model": "m", "system": "s", "temperature": 0.5, "max_tokens": 9, "seed": 7}
    record = good({"title": "Emma", "temperature": 30, "parameters": own}, TITLE)
    parameters = {"temperature": 0.5, "max_completion_tokens": 9, "seed": 7}
    messages = ({"role": "system", "content": "s"}, user("Emma"))
    assert Request("m", messages, parameters, streamed=False) == record.request
    assert {"title": "Emma", "temperature": 30} == record.fields
    for name in ("messages", "prompt", "body", "parameters"):
        expected = f"{name} is not a parameter: the template makes the prompt"
        assert expected == bad({"title": "a", "parameters": {name: []}}, TITLE)
    assert "temperature is 9" in bad({"title": "a", "parameters": {"temperature": 9}}, TITLE)


def test_a_template_reads_the_lines_of_other_batches() -> None:
    line = {**ENVELOPE, "body": {"model": "gpt-4o", "messages": MESSAGES}}
    record = good(line, templated("Rate: {body.messages.0.content}", JSONL))
    assert ("Rate: a", MODEL, "a", True) == (
        record.request.messages[-1]["content"], record.request.model, record.id, record.custom_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("assignments", "own", "expected"),
    [
        (["temperature=0.7"], {"temperature": 0}, {"temperature": 0.7}),
        (["temperature=0.7"], {"temperature": "hot"}, {"temperature": 0.7}),
        (["temperature=0.7"], {}, {"temperature": 0.7}),
        (["temperature=null"], {"temperature": 1.1}, {}),
        (["max_tokens=100"], {"max_tokens": 10}, {"max_tokens": 100}),
        (["max_tokens=100"], {"max_completion_tokens": 10}, {"max_tokens": 100}),
        (["max_completion_tokens=100"], {"max_tokens": 10}, {"max_completion_tokens": 100}),
        (["max_tokens=null"], {"max_tokens": 10}, {}),
        (["max_tokens=100"], {"max_tokens": 1, "max_completion_tokens": 1}, {"max_tokens": 100}),
        (["n=null"], {"n": 4}, {}),
        (["stream=null"], {"stream": True}, {}),
        (["functions=null", "function_call=null"], {"functions": [], "function_call": "auto"}, {}),
        (["response_format=null"], {"response_format": {"type": "json_object"}}, {}),
        (['thinking={"type":"disabled"}'], {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "disabled"}}),
        (["user=me"], {"user": "you", "seed": 1}, {"user": "me", "seed": 1}),
    ],
)  # fmt: skip
def test_what_is_set_for_all_wins_over_every_form_of_record(
    assignments: list[str], own: dict[str, object], expected: dict[str, object]
) -> None:
    defaults = overridden(*assignments)
    bare = {name: value for name, value in own.items() if name != "user"}
    forms: list[object] = [
        {**ENVELOPE, "body": {"messages": MESSAGES, **own}},
        {"prompt": "a", "parameters": own},
        {"messages": MESSAGES, "parameters": own},
    ]
    forms += [{"prompt": "a", **own}] if bare == own else []
    for form in forms:
        record = good(form, defaults)
        assert (tuple(MESSAGES), MODEL, expected) == (
            record.request.messages, record.request.model, record.request.parameters,
        )  # fmt: skip
    data = {"title": "a", "parameters": own}
    assert expected == good(data, replace(defaults, template=TITLE.template)).request.parameters


def test_the_model_that_is_set_for_all_replaces_that_of_each_record() -> None:
    defaults = overridden("model=MiniMax-M2.7")
    line: dict[str, object] = {**ENVELOPE, "body": {"messages": MESSAGES, "model": "gpt-4o"}}
    for record in (
        line,
        {"prompt": "a", "model": "gpt-4o"},
        {"prompt": "a", "model": 5},
        {"prompt": "a"},
        "a",
    ):
        assert "MiniMax-M2.7" == good(record, defaults).request.model
    # The parameters of a record are judged by the model that is asked.
    assert "for MiniMax-M2.7 it must be above 0" in bad({"prompt": "a", "temperature": 0}, defaults)


def test_what_is_set_for_all_is_part_of_the_hash() -> None:
    plain, hot = good("a"), good("a", overridden("temperature=0.7"))
    assert plain.sha256 != hot.sha256
    assert hot.sha256 == good({"prompt": "a", "temperature": 0}, overridden("temperature=0.7")).sha256
    assert hot.sha256 == good({"prompt": "a", "temperature": 0.7}).sha256


@pytest.mark.parametrize(
    ("name", "record", "expected"),
    [
        ("key", {"key": "x"}, "x"),
        ("key", {"key": 7}, "7"),
        ("key", {"key": 1e22, "id": "no", "custom_id": "no"}, "10000000000000000000000"),
        ("Row (no.)", {"Row (no.)": "x"}, "x"),
        ("编号", {"编号": "x"}, "x"),
        ("meta.id", {"meta.id": "key", "meta": {"id": "path"}}, "key"),
        ("meta.id", {"meta": {"id": "path"}}, "path"),
        ("ids.0", {"ids": [5]}, "5"),
        ("id", {"id": "x", "custom_id": "no"}, "x"),
    ],
)
def test_the_id_is_the_field_that_was_named(name: str, record: dict[str, object], expected: str) -> None:
    found = good({"prompt": "a", **record}, replace(JSONL, id_field=name))
    assert (expected, True, False) == (found.id, found.has_own_id, found.custom_id)
    # The usual names are then the user's own fields, and no name is lost.
    assert record == found.fields


@pytest.mark.parametrize(
    ("name", "record", "words"),
    [
        ("key", {"kye": "x"}, "it has no field key for its id: it has prompt, kye; did you mean kye?"),
        ("key", {"id": "x"}, "it has no field key for its id"),
        ("key", {"key": None}, "its key is not a number or a string"),
        ("key", {"key": ""}, "its key is not a number or a string"),
        ("key", {"key": ["x"]}, "its key is not a number or a string"),
        ("key", {"key": True}, "its key is not a number or a string"),
    ],
)
def test_a_record_without_the_field_that_was_named_is_bad(
    name: str, record: dict[str, object], words: str
) -> None:
    assert words in bad({"prompt": "a", **record}, replace(JSONL, id_field=name))
    assert "it is a text, which has no fields" in bad(b"a line", replace(LINES, id_field=name))
