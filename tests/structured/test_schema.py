"""A value is validated against a JSON Schema, and its errors are described so that they can be repaired."""

import json
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.errors import InputError
from mmpipe.structured.schema import Schema

CALM = settings(deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def schema(value: object) -> Schema:
    return Schema.parse(json.dumps(value), "s.json")


def complaint(wanted: object, value: object) -> str:
    """The complaint about an invalid value."""
    assert not schema(wanted).is_valid(value)
    return schema(wanted).complaint(value)


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_valid_value_is_no_complaint() -> None:
    person = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
    assert schema(person).is_valid({"age": 3})


def test_a_complaint_names_the_place_and_the_error() -> None:
    wanted = {"properties": {"items": {"items": {"properties": {"age": {"type": "integer"}}}}}}
    value = {"items": [{"age": 1}, {"age": "two"}]}
    assert '$.items[1].age: "two" is not of type "integer".' == complaint(wanted, value)


def test_a_key_that_is_no_word_is_quoted_in_the_path() -> None:
    wanted = {"additionalProperties": {"type": "integer"}}
    assert '$["a \\"b"]: null is not of type "integer".' == complaint(wanted, {'a "b': None})


def test_each_alternative_has_its_reason() -> None:
    wanted = {"properties": {"n": {"anyOf": [{"type": "integer"}, {"required": ["x"]}]}}}
    message = '$.n: no alternative is valid: $.n: {"y":1} is not of type "integer"; or $.n: "x" is a required property.'
    assert message == complaint(wanted, {"n": {"y": 1}})


def test_at_most_five_errors_are_described_and_the_others_counted() -> None:
    lines = complaint({"items": {"type": "string"}}, list(range(40))).splitlines()
    assert ['$[4]: 4 is not of type "string".', "And 35 more errors."] == lines[-2:]
    assert 6 == len(lines)


def test_a_huge_value_is_not_quoted_in_full_and_the_error_is_still_named() -> None:
    message = complaint({"type": "integer"}, "x" * 1_000_000)
    assert len(message) < 300
    assert message.endswith('x" is not of type "integer".')


def test_a_huge_key_does_not_fill_a_complaint() -> None:
    assert len(complaint({"additionalProperties": False}, {"k" * 1_000_000: 1})) < 600
    assert len(complaint({"additionalProperties": {"type": "null"}}, {"k" * 1_000_000: 1})) < 600


def test_a_complaint_holds_no_control_characters_and_one_line_each() -> None:
    message = complaint({"additionalProperties": {"type": "null"}}, {"\x1b[2J\n": "\x9b\u202e\nrm"})
    assert message.isprintable()


@pytest.mark.parametrize(
    ("format_", "bad", "good"),
    [
        ("date", "2026-13-01", "2026-12-01"),
        ("email", "me", "me@b.de"),
        ("uuid", "7", "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
    ],
)
def test_a_format_is_checked(format_: str, bad: str, good: str) -> None:
    assert format_ in complaint({"format": format_}, bad)
    assert schema({"format": format_}).is_valid(good)


def test_an_unknown_format_is_none() -> None:
    assert schema({"format": "postcode"}).is_valid("x")


def test_whole_numbers_of_any_size_are_whole_numbers() -> None:
    wanted = schema({"type": "integer", "minimum": 10**30})
    assert wanted.is_valid(10**31)
    assert not wanted.is_valid(10**29)
    assert schema({"type": "integer"}).is_valid(10**4000)


def test_a_number_without_a_fraction_is_whole_and_true_is_no_number() -> None:
    assert schema({"type": "integer"}).is_valid(1.0)
    assert not schema({"type": "integer"}).is_valid(1.5)
    assert not schema({"type": "integer"}).is_valid(True)


@pytest.mark.parametrize("levels", [201, 900, 20_000])
@pytest.mark.parametrize(
    "wanted",
    [
        True,
        {"enum": [[[1]]]},
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"anyOf": [{"type": "string"}, {"items": {"$ref": "#/$defs/a"}}]}},
        },
    ],
)
def test_a_value_nested_too_deep_is_refused_in_words(wanted: object, levels: int) -> None:
    assert "nested too deep" in complaint(wanted, nested(levels))


def test_two_hundred_levels_are_not_too_deep() -> None:
    assert schema(True).is_valid(nested(200))
    assert "is not of type" in complaint({"type": "string"}, nested(200))


def test_a_lone_surrogate_is_refused_in_words() -> None:
    assert "surrogate" in complaint({"type": "string", "pattern": "a"}, "\ud800")


def test_a_pattern_made_to_take_forever_is_given_up() -> None:
    assert "does not match" in complaint({"pattern": "^(a+)+$"}, "a" * 50_000 + "b")
    hard = r"^(?!.*(.+)\1\1\1\1x)((a|aa|ab)+)\2c$"
    assert "backtracking" in complaint({"pattern": hard}, "ab" * 3000 + "b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"const": NaN}', "is not JSON"),
        ("[]", "an object, true or false"),
        ("3", "an object, true or false"),
        (
            '{"type": "strin"}',
            'no valid JSON Schema: $.type: no alternative is valid: $.type: "strin" is not',
        ),
        ('{"properties": {"a": {"minimum": "x"}}}', '$.properties.a.minimum: "x" is not of type "number"'),
        ('{"pattern": "("}', 'is not a "regex"'),
        ('{"pattern": "(a{1000}){1000}"}', 'is not a "regex"'),
        ('{"$ref": "#/$defs/no"}', "'/$defs/no' does not exist"),
        ('{"$ref": "other.json"}', "nothing is fetched"),
        ('{"$schema": "https://example.com/mine"}', "2019-09"),
        ('{"$schema": 7}', "$schema"),
        (r'{"const": "\ud800"}', "surrogate"),
        ('{"items":' * 300 + "{}" + "}" * 300, "nested too deep"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_an_invalid_schema_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        Schema.parse(text, "mine.json")
    assert caught.value.message.startswith("mine.json")
    assert reason in caught.value.message


def test_no_reference_steers_a_terminal() -> None:
    with pytest.raises(InputError) as caught:
        schema({"$ref": "#/\x1b[2J\n" + "x" * 10_000})
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


def test_a_schema_elsewhere_is_never_fetched(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text('{"type": "integer"}')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        for address in (f"http://127.0.0.1:{server.getsockname()[1]}/s.json", there.as_uri()):
            with pytest.raises(InputError, match="nothing is fetched"):
                schema({"properties": {"a": {"$ref": address}}})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_schema_may_refer_to_itself_to_its_parts_and_to_the_drafts() -> None:
    tree = {"$ref": "#/$defs/t", "$defs": {"t": {"type": "array", "items": {"$ref": "#"}}}}
    assert schema(tree).is_valid([[], [[]]])
    assert not schema(tree).is_valid([[1]])
    draft = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert not schema(draft).is_valid({"type": 7})


@pytest.mark.parametrize("wanted", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"not": {"$ref": "#"}}])
def test_a_schema_that_refers_to_itself_alone_ends(wanted: object) -> None:
    assert schema(wanted).complaint(1) in ("", '$: {"$ref":"#"} is not allowed for 1.')


def test_the_draft_is_that_of_the_schema_and_else_the_newest() -> None:
    wanted = {"prefixItems": [{"type": "string"}]}
    assert not schema(wanted).is_valid([1])
    assert schema({"$schema": "http://json-schema.org/draft-07/schema#", **wanted}).is_valid([1])


def test_the_text_of_a_schema_is_compact_and_says_the_same() -> None:
    assert '{"title":"é","minimum":1.0}' == Schema.parse('{ "title": "\\u00e9",\n "minimum": 1.0 }', "s").text
    assert (
        '{"maximum":0.10000000000000000001}' == Schema.parse('{"maximum": 0.10000000000000000001}', "s").text
    )


@CALM
@given(JSON)
def test_true_takes_all_false_nothing_and_const_itself(value: object) -> None:
    assert schema(True).is_valid(value)
    assert not schema(False).is_valid(value)
    assert schema({"const": value}).is_valid(value)


@CALM
@given(JSON, st.sampled_from(["string", "integer", "array", "object", "null"]))
def test_no_line_of_a_complaint_is_long(value: object, kind: str) -> None:
    message = schema({"type": kind, "additionalProperties": {"type": kind}}).complaint(value)
    for line in message.splitlines():
        assert line.startswith(("$", "And "))
        assert len(line) <= 1000


def test_of_thousands_of_errors_the_first_is_described() -> None:
    schema = Schema.parse(
        '{"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}', "s"
    )
    message = schema.complaint(["x"] * 100_000)
    assert message is not None
    assert 1 == len(message.splitlines())
    assert message.startswith("$[0]: ")
