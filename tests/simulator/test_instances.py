"""Where a schema asks for JSON, the simulator gives JSON that the schema accepts, with values of the prompt."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.simulator.asked_schema import AskedSchema
from mmpipe.simulator.instances import OptionalMembers, build_instance
from mmpipe.simulator.schema_check import NoInstance, build_check

# No deadline: a busy machine is no failure. No database: examples that failed are reported, not stored.
CALM = settings(deadline=None, database=None)
Schema = dict[str, Any]


def instance(schema: object, prompt: str = "Why?") -> object:
    return build_instance(AskedSchema(schema), prompt)


def members(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties]}


NUMBERS = st.integers(-(10**6), 10**6)
SCALARS: st.SearchStrategy[Schema] = st.one_of(
    st.tuples(NUMBERS, NUMBERS, st.sampled_from(["integer", "number"])).map(
        lambda drawn: {"type": drawn[2], "minimum": min(drawn[:2]), "maximum": max(drawn[:2])}
    ),
    st.integers(1, 1000).map(lambda step: {"type": "integer", "multipleOf": step}),
    st.floats(-1e6, 1e6).map(lambda low: {"type": "number", "exclusiveMinimum": low}),
    st.tuples(st.integers(0, 200), st.integers(0, 50)).map(
        lambda drawn: {"type": "string", "minLength": drawn[0], "maxLength": sum(drawn)}
    ),
    st.sampled_from(["date", "date-time", "time", "email", "uri", "uuid", "ipv4", "hostname"]).map(
        lambda name: {"type": "string", "format": name}
    ),
    st.lists(st.text(max_size=5) | NUMBERS | st.none() | st.booleans(), min_size=1, max_size=5).map(
        lambda listed: {"enum": listed}
    ),
    st.sampled_from(
        [{}, True, {"type": "boolean"}, {"type": ["null", "string"]}, {"const": [1, {"a": None}]}]
    ),
)


def combined(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        st.dictionaries(st.text(max_size=5), inner, max_size=4).flatmap(
            lambda listed: st.fixed_dictionaries(
                {
                    "type": st.just("object"),
                    "properties": st.just(listed),
                    "required": st.lists(st.sampled_from([*listed, "more"]), unique=True),
                }
            )
        ),
        st.tuples(inner, st.integers(0, 3), st.integers(0, 3)).map(
            lambda drawn: {
                "type": "array",
                "items": drawn[0],
                "minItems": drawn[1],
                "maxItems": sum(drawn[1:]),
            }
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda listed: {"anyOf": listed}),
        inner.map(lambda each: {"allOf": [each, {"title": "It"}]}),
        inner.map(
            lambda each: {"if": {"type": "string"}, "then": {"minLength": 0}, "else": {}, "allOf": [each]}
        ),
    )


@pytest.mark.slow
@CALM
@given(st.recursive(SCALARS, combined, max_leaves=8), st.text(), st.booleans())
def test_the_value_is_valid_by_the_schema_whatever_the_prompt(
    schema: Schema, prompt: str, is_named: bool
) -> None:
    whole = {"$defs": {"it": schema}, "$ref": "#/$defs/it"} if is_named else schema
    assert build_check(whole)(instance(whole, prompt))


KEYWORDS = (
    *(
        "$ref",
        "type",
        "enum",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "minimum",
    ),
    *("minLength", "minItems", "minProperties", "uniqueItems", "pattern", "contains", "propertyNames"),
    *("patternProperties", "additionalProperties", "multipleOf", "format", "maxItems", "prefixItems"),
)
JUNK = st.recursive(
    st.sampled_from(
        ["#", "#/items", "string", "object", "[", "(a+)+$", "a", 0, -1, 1e300, 10**30, True, None]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@CALM
@given(JUNK, st.text(max_size=20))
def test_any_other_json_as_a_schema_gives_a_valid_value_or_none(schema: object, prompt: str) -> None:
    try:
        value = instance(schema, prompt)
    except NoInstance:
        return
    assert build_check(schema)(value)


@pytest.mark.parametrize(
    ("schema", "prompt", "expected"),
    [
        (members(year={"type": "integer"}), "Faust was printed in 1808. When?", {"year": 1808}),
        (members(n={"type": "integer", "maximum": 99}), "In 1808, at 58.", {"n": 58}),
        (members(a={"type": "number"}, b={"type": "number"}), "1,234 by -5.5", {"a": 1234, "b": -5.5}),
        (members(a={"type": "integer"}, b={"type": "integer"}), "1749-1832", {"a": 1749, "b": 1832}),
        (members(mood={"enum": ["good", "bad"]}), "Is it BAD?", {"mood": "bad"}),
        (members(city={"type": "string"}), "Is it “Rome”, Anna?", {"city": "Rome"}),
        (members(name={"type": "string"}), "Where did Ada Lovelace live?", {"name": "Ada Lovelace"}),
        (
            members(day={"type": "string", "format": "date"}),
            "Until 2024-02-03, she said.",
            {"day": "2024-02-03"},
        ),
        (members(mail={"type": "string", "format": "email"}), "Write to <ada@x.org>!", {"mail": "ada@x.org"}),
        (members(id={"type": "string", "pattern": "^AB-[0-9]+$"}), "Is AB-123 lost?", {"id": "AB-123"}),
        ({"type": "array", "items": {"type": "integer"}}, "3, 5 and 7", [3, 5, 7]),
        # Of a definition, in the order of its members.
        (
            {
                "$ref": "#/$defs/size",
                "$defs": {"size": members(w={"type": "integer"}, h={"type": "integer"})},
            },
            "4 by 3",
            {"w": 4, "h": 3},
        ),
    ],
)
def test_the_values_are_those_of_the_prompt_where_they_fit(
    schema: Schema, prompt: str, expected: object
) -> None:
    assert expected == instance(schema, prompt)


def test_without_a_word_for_it_a_constant_differs_from_prompt_to_prompt() -> None:
    schema = members(mood={"enum": ["good", "bad", "neutral"]})
    answers = [json.dumps(instance(schema, f"Review {number}")) for number in range(30)]
    assert 3 == len(set(answers))
    assert answers == [json.dumps(instance(schema, f"Review {number}")) for number in range(30)]


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"^[A-Z]{3}-\d{4}$", r"^\+?[0-9]{7,15}$", "^#[0-9a-fA-F]{6}$", r"^(foo|bar)+$", r"^\p{Lu}\w*\s.$"),
        *(
            r"^[^a-z]{2,}$",
            r"\.pdf$",
            r"^v?(0|[1-9]\d*)\.(?:0|[1-9]\d*)$",
            r"^[\w.+-]+@[\w-]+\.[\w.]+$",
            "^$",
            "é",
        ),
    ],
)
def test_the_usual_patterns_get_a_text(pattern: str) -> None:
    assert build_check({"pattern": pattern})(instance({"type": "string", "pattern": pattern}))


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = members(value={"type": "integer"}, inner={"type": "array", "items": {"$ref": "#"}})
    leaf = {"value": 3, "inner": []}
    assert {"value": 1, "inner": [{"value": 2, "inner": [leaf]}]} == instance(tree, "1, 2, 3")
    chain = members(value={"type": "integer"}, next={"anyOf": [{"$ref": "#"}, {"type": "null"}]})
    assert build_check(chain)(instance(chain))


def test_other_members_are_left_out_where_all_of_them_contradict() -> None:
    schema = {**members(a={"type": "integer"}), "not": {"required": ["b"]}}
    schema["properties"]["b"] = {"type": "integer"}
    assert {"a": 1} == instance(schema, "1 and 2")


def test_arguments_have_what_is_required_or_given() -> None:
    schema = members(city={"type": "string"})
    schema["properties"] |= {
        "days": {"type": "integer"},
        "unit": {"enum": ["C", "F"]},
        "note": {"type": "string"},
    }
    given_only = build_instance(AskedSchema(schema), "Weather of 'Rome' for 3 days", OptionalMembers.GIVEN)
    assert {"city": "Rome", "days": 3} == given_only


def nested(levels: int, *, inner: object) -> object:
    for _ in range(levels):
        inner = {"type": "array", "items": inner, "minItems": 1}
    return inner


FAN = {f"d{i}": members(**{f"p{j}": {"$ref": f"#/$defs/d{j}"} for j in range(20)}) for i in range(20)}
WORDS = [f"w{number}" for number in range(8000)]


HOSTILE: dict[str, object] = {
    "nothing": False,
    "itself": {"$ref": "#"},
    "no constant": {"enum": []},
    "very deep": nested(1000, inner=True),
    "deep": nested(90, inner=True),
    "elsewhere": {"$ref": "other.json"},
    "a long text": {"type": "string", "minLength": 10**12},
    "many items": {"type": "array", "minItems": 10**12},
    "many members": {"type": "object", "minProperties": 10**12},
    "many choices": {
        "allOf": [*[{"anyOf": [{"type": "integer"}, {"type": "string"}]}] * 60, {"type": "null"}]
    },
    "a fan": {"$defs": FAN, "$ref": "#/$defs/d0"},
    "a chain": {
        "$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}]} for i in range(3000)},
        "$ref": "#/$defs/d0",
    },
    "too few constants": {
        "type": "array",
        "minItems": 1000,
        "uniqueItems": True,
        "items": {"enum": WORDS[:900]},
    },
    "many constants": {
        "type": "array",
        "minItems": 1000,
        "items": {"$ref": "#/$defs/e"},
        "$defs": {"e": {"enum": WORDS}},
    },
    "patterns": {"type": "array", "minItems": 1000, "items": {"type": "string", "pattern": "^(a|aa)+$"}},
    "patterns of names": {
        "type": "object",
        "patternProperties": {f"(x+x+)+{i}": {} for i in range(3000)},
        "required": ["x" * 60],
    },
    "patterns of members": {
        "type": "object",
        "properties": {name: {"pattern": "^(a|aa)+$"} for name in WORDS},
        "required": WORDS,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_for_a_schema_that_would_take_for_ever_there_is_soon_no_instance(schema: object) -> None:
    with pytest.raises(NoInstance):
        instance(schema, " ".join(["a" * 40 + "!"] * 100 + ["w5"] * 1000))
