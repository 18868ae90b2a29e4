"""One question has one digest, however it is asked on the wire, and another question has another."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.core.request import Request

ASKED = Request("M", ({"role": "user", "content": "7 ⋅ 8?"},), {"temperature": 0.5, "a": {"c": 1, "b": [2]}})


def test_anybody_can_compute_it_from_the_body_with_its_names_in_order() -> None:
    canonical = (
        '{"a":{"b":[2],"c":1},"messages":[{"content":"7 ⋅ 8?","role":"user"}],"model":"M","temperature":0.5}'
    )
    assert sha256(canonical.encode()).hexdigest() == ASKED.sha256


def test_it_is_the_same_streamed_and_whole() -> None:
    assert replace(ASKED, streamed=True).sha256 == replace(ASKED, streamed=False).sha256


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, model="m"),
        replace(ASKED, messages=({"role": "user", "content": "7 ⋅ 8? "},)),
        replace(ASKED, messages=({"role": "system", "content": "7 ⋅ 8?"},)),
        replace(ASKED, messages=ASKED.messages * 2),
        replace(ASKED, parameters={}),
        replace(ASKED, parameters={**ASKED.parameters, "seed": None}),
        replace(ASKED, parameters={**ASKED.parameters, "a": {"c": 1, "b": [2, 2]}}),
    ],
)
def test_any_other_change_changes_the_digest(other: Request) -> None:
    assert other.sha256 != ASKED.sha256


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), st.randoms())
def test_the_order_of_the_fields_is_no_part_of_the_question(
    fields: dict[str, object], chance: object
) -> None:
    names = sorted(fields, key=lambda _: chance.random())  # type: ignore[attr-defined]  # of random.Random
    shuffled = {name: fields[name] for name in names}
    assert Request("M", (), fields).sha256 == Request("M", (), shuffled).sha256


def test_half_a_character_can_be_asked_with_and_is_no_other_text() -> None:
    texts = ("\ud83d", "\\ud83d", "\ud83e", "?", "")
    assert len(texts) == len({Request("M", (), {"stop": text}).sha256 for text in texts})
