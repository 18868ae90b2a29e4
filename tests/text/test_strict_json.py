"""JSON that was cut off is another error than text that is no JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.text.strict_json import is_beginning

pytestmark = pytest.mark.laws

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.slow
@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.integers(0, 60), st.booleans())
def test_every_beginning_of_json_is_known_as_one(value: object, missing: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    length = len(text) - missing
    assert not is_beginning(text)
    assert length < 1 or length == len(text) or is_beginning(text[:length])


@pytest.mark.parametrize(
    "text", ["x", "{broken", '{"a" 1}', "[1,]", '{"a": NaN}', '{"a": 1}}', '{"a": 1}{"b": 2}', "[1 2", "{}"]
)
def test_text_that_no_end_makes_json_is_no_beginning(text: str) -> None:
    assert not is_beginning(text)
