"""The reason of a refusal is found in whatever form a server writes it (FACTS.md, "Errors of other servers")."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.refusals.reasons import find_reason
from support.json_texts import TEXTS

pytestmark = pytest.mark.laws

PYDANTIC = {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required", "input": {}}
RAW = '{"error":{"message":"the engine died","code":500}}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("denied", "denied"),
        ("  denied\n", "denied"),
        ({"message": "denied", "title": "no"}, "denied"),
        ({"detail": "denied", "title": "no"}, "denied"),
        ({"msg": "denied"}, "denied"),
        ({"err": "denied"}, "denied"),
        ({"title": "denied"}, "denied"),
        ({"Message": "denied"}, "denied"),
        ({"error": "invalid_token", "error_description": "it expired"}, "it expired"),
        ({"message": "", "detail": None, "err": "denied"}, "denied"),
        ({"message": {"detail": [PYDANTIC]}}, "messages.0.role: Field required"),
        ({"detail": [PYDANTIC, {"msg": "too hot", "loc": ["body", "temperature"]}]},
         "messages.0.role: Field required; temperature: too hot"),
        ({"detail": {"reason": "denied"}}, "denied"),
        ({"errors": [{"code": 7, "message": "no route"}]}, "no route"),
        ({"errors": {"model": ["unknown"], "stream": ["must be a boolean"]}}, "model: unknown; stream: must be a boolean"),
        ({"temperature": ["must be at most 1"]}, "temperature: must be at most 1"),
        ({"message": "must be set", "param": "messages"}, "messages: must be set"),
        ({"message": "messages must be set", "param": "messages"}, "messages must be set"),
        ({"message": "denied", "param": "None"}, "denied"),
        (["too long", "too hot"], "too long; too hot"),
        ([{"error": {"message": "denied"}}], "denied"),
        (list("abcdefg"), "a; b; c; d; e; and 2 more"),
        (RAW, "the engine died"),
        ({"message": "Provider returned error", "metadata": {"raw": RAW}}, "Provider returned error: the engine died"),
        ({"message": "flagged", "metadata": {"reasons": ["hate"]}}, "flagged: hate"),
        ({"message": "invalid", "errors": {"model": ["unknown"]}}, "invalid: model: unknown"),
        ({"message": "invalid", "detail": [PYDANTIC]}, "invalid: messages.0.role: Field required"),
        ({"message": [PYDANTIC], "detail": [PYDANTIC]}, "messages.0.role: Field required"),
        ({"error_code": 336100, "error_msg": "denied"}, "denied"),
        ({"message": "denied", "metadata": {"raw": "denied"}}, "denied"),
        ({"message": '{"error":{"message":"line1\nline2"}}'}, "line1\nline2"),
        ({"error": {"message": '{"message":"line1\r\n\tline2","code":"x"}'}}, "line1\r\n\tline2"),
        ({"error": "Bad Request", "errors": [{"message": "denied"}]}, "denied"),
        ("<html><title>Bad Gateway</title></html>", "Bad Gateway"),
        ({"message": "<html><title>Bad Gateway</title></html>"}, "Bad Gateway"),
        ("[error] denied", "[error] denied"),
        ({"type": "overloaded_error"}, "overloaded_error"),
        ({"code": "odd", "type": "x"}, "odd"),
        ({"code": "429"}, ""),
        ({"code": 429, "message": 5}, ""),
        ({"message": "None"}, ""),
        *((empty, "") for empty in (None, True, 5, 1.5, "", " ", [], {}, [1], {"a": 1}, {"a": "b"})),
    ],
)  # fmt: skip
def test_the_reason_is_what_the_server_says_to_people(value: object, reason: str) -> None:
    assert reason == find_reason(value)


JSON = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.sampled_from([RAW, "<html>x", "[[", '{"error":']),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["message", "detail", "error", "errors", "loc", "param", "metadata", "raw", "code"]
            )
            | TEXTS,
            inner,
        )
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(JSON)
def test_whatever_a_server_says_gives_a_text_of_bounded_length(value: object) -> None:
    assert len(find_reason(value)) <= 4000
    assert len(find_reason(json.dumps(value))) <= 4000


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * 10**7,
        lambda: ["x" * 1000] * 10_000,
        lambda: [{"detail": [{"msg": "x", "loc": ["y"] * 100}] * 100}] * 100,
        lambda: {f"{n}": ["x" * 100] for n in range(100_000)},
        lambda: {
            "message": "x" * 10**6,
            "metadata": {"raw": "y" * 10**6, "reasons": ["z" * 100] * 10_000},
            "param": "p" * 10**6,
        },
    ],
    ids=["text", "list", "lists", "fields", "details"],
)
def test_a_reason_without_end_is_cut_off(make: Callable[[], object]) -> None:
    assert 0 < len(find_reason(make())) <= 4000


@pytest.mark.parametrize("levels", [3, 400])
@pytest.mark.parametrize(
    "pack",
    [
        lambda value: {"error": value},
        lambda value: [value],
        lambda value: {"temperature": [value]},
        lambda value: {"message": "", "errors": [value]},
    ],
)
def test_a_reason_is_found_within_a_few_levels_and_not_in_an_endless_nesting(
    pack: Callable[[object], object], levels: int
) -> None:
    value: object = "denied"
    for _ in range(levels):
        value = pack(value)
    assert ("denied" if levels == 3 else "") == find_reason(value).removeprefix("temperature: " * levels)


def test_endless_details_end() -> None:
    value: object = "denied"
    for _ in range(400):
        value = {"message": "m", "errors": [value]}
    assert "m" == find_reason(value)


class Counted(dict[str, object]):
    """An object that counts how often it is searched."""

    searches = 0

    def get(self, name: str, default: object = None) -> object:
        self.searches += name == "message"
        return super().get(name, default)


@pytest.mark.parametrize("pack", [
    lambda inner: {"errors": inner},
    lambda inner: {"detail": inner},
    lambda inner: {"errors": [inner], "detail": "x"},
    lambda inner: {"message": "m", "errors": [inner]},
    lambda inner: {"detail": [inner], "errors": []},
    lambda inner: {"temperature": [inner]},
    lambda inner: {"message": [inner], "code": "x"},
    lambda inner: {"message": "m", "metadata": {"raw": inner}},
])  # fmt: skip
@pytest.mark.parametrize("leaf", [{"message": "denied"}, {"code": "denied"}, {}])
def test_each_part_of_a_body_is_searched_once_at_any_depth(
    pack: Callable[[object], object], leaf: dict[str, object]
) -> None:
    value: object = Counted(leaf)
    counted = value
    for _ in range(3):
        value = pack(value)
    find_reason(value)
    assert isinstance(counted, Counted)
    assert 1 == counted.searches


def test_a_long_list_is_read_as_far_as_it_is_shown() -> None:
    last = Counted(message="denied")
    assert "x; x; x; x; x; and 4 more" == find_reason([*["x"] * 8, last])
    assert "a: x; b: x; c: x; d: x; e: x" == find_reason({name: ["x"] for name in "abcde"} | {"f": [last]})
    assert 0 == last.searches
