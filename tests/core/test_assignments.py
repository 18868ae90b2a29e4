"""A value of -p and --set is JSON, or a text that looks like none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.assignments import parse_assignment
from mmpipe.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("low", "low"),
        ("none", "none"),
        ("auto", "auto"),
        ("MiniMax-M3", "MiniMax-M3"),
        ("4o-mini", "4o-mini"),
        ("2026-11-30", "2026-11-30"),
        ("10.0.0.1", "10.0.0.1"),
        ("你好", "你好"),
        ("a=b", "a=b"),
        (" two words ", " two words "),
        ("nullable", "nullable"),
        ("it's", "it's"),
        ('"low"', "low"),
        ('"7"', "7"),
        ('""', ""),
        ("7", 7),
        ("-0.5e3", -500.0),
        (" 7 ", 7),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        (' {"a": null} ', {"a": None}),
    ],
)
def test_a_value_is_json_if_it_looks_like_json_and_otherwise_a_string(text: str, expected: object) -> None:
    found = parse_assignment("-p", f"key={text}")
    assert (("key", expected), type(expected)) == (found, type(found[1]))


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "{a}", "[1,]", '"open', '"a" b', "True", "FALSE", "None", "NULL", "NaN", "Infinity", "-inf",
     "0,7", ".5", "+1", "1.", "007", "1_000", "1e999", r'"\ud800"', "[" * 100_000],
)  # fmt: skip
def test_a_value_that_is_nearly_json_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_assignment("--set", f"key={text}")
    assert caught.value.message.startswith("--set key: ")


def test_a_number_in_another_spelling_is_refused_with_the_way_to_send_the_text() -> None:
    with pytest.raises(UsageError, match=r"for a text write '\"007\"', quotes included"):
        parse_assignment("-p", "agent=007")


@given(st.text())
def test_every_text_can_be_sent_as_json(text: str) -> None:
    assert ("a", text) == parse_assignment("-p", f"a={json.dumps(text)}")


@given(st.text())
def test_a_bare_text_is_sent_as_it_is_or_refused(text: str) -> None:
    try:
        _, value = parse_assignment("-p", f"a={text}")
    except UsageError:
        return
    assert not isinstance(value, str) or text == value or text.strip().startswith('"')
