"""A message in pieces: each field is kept, and progress is a field that no table names, or a new detail."""

from collections.abc import Mapping, Sequence

import pytest

from mmpipe.api.answer.fields import DETAIL_FIELDS
from mmpipe.api.answer.message import MessageAssembler

DETAILS = DETAIL_FIELDS[0]


def detail(text: str, index: int = 0) -> list[dict[str, object]]:
    return [{"type": "reasoning.text", "index": index, "text": text}]


@pytest.mark.parametrize(
    ("deltas", "progress"),
    [
        ([{"content": "a"}, {"content": "b"}], [False, False]),
        ([{"note": "a"}, {"note": "b"}, {"note": "b"}], [False, True, False]),
        ([{DETAILS: detail("a")}, {DETAILS: detail("b")}, {DETAILS: detail("c", 1)}], [True, False, True]),
        # A field goes on beside a detail that brings nothing new, and beside none.
        ([{"note": "a", DETAILS: detail("a")}, {"note": "b", DETAILS: detail("b")}], [True, True]),
        ([{"note": "a", DETAILS: None}, {"note": "b", DETAILS: []}], [False, True]),
        ([{DETAILS: {"text": "a"}}, {DETAILS: {"text": "b"}}], [False, False]),
    ],
)
def test_a_piece_is_progress_if_it_brings_more_than_text(
    deltas: Sequence[Mapping[str, object]], progress: Sequence[bool]
) -> None:
    assembler = MessageAssembler()
    assert progress == [assembler.merge(delta) for delta in deltas]


@pytest.mark.parametrize("odd", DETAIL_FIELDS)
def test_details_of_each_name_are_assembled_and_those_that_are_no_list_are_kept(odd: str) -> None:
    assembler = MessageAssembler()
    others = [name for name in DETAIL_FIELDS if name != odd]
    for text in ("a", "b"):
        assembler.merge({odd: {"text": text}, **{name: detail(text) for name in others}})
    expected = {odd: {"text": "ab"}, **{name: detail("ab") for name in others}}
    assert {"content": "", "role": "assistant", **expected} == assembler.message()


def test_calls_and_empty_details_are_no_part_of_the_message() -> None:
    assembler = MessageAssembler()
    assembler.merge({"content": "a", "tool_calls": [{"id": "c"}], DETAILS: [], "note": None})
    assert {"content": "a", "role": "assistant", "note": None} == assembler.message()
