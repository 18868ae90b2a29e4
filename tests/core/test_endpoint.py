"""A key is masked in every text, wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.endpoint import Key

pytestmark = pytest.mark.keys

KEY = Key("sk-test-SECRETsecret0123", "environment")
AROUND = st.text(st.sampled_from("\u0130\u1e9e\ufb03Aa \n") | st.characters(), max_size=30)


@given(AROUND, AROUND, st.sampled_from([KEY.value, KEY.value.upper(), KEY.value.lower(), KEY.value[:12]]))
def test_a_key_is_masked_in_any_surrounding_text(before: str, after: str, key: str) -> None:
    shown = KEY.mask(f"{before}{key}.{after}")
    assert f"{before}***.{after}" == shown


@pytest.mark.parametrize("key", ["", "k", "none", "testing"])
def test_a_key_too_short_to_be_secret_is_not_masked(key: str) -> None:
    assert "asking: testing none" == Key(key, "environment").mask("asking: testing none")
