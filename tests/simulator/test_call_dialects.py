"""Tool calls come in every captured form (FACTS.md, "Tool calls")."""

import re

import pytest

from mmpipe.simulator.dialects import Dialect
from support.simulator_client import SPLIT, STREAM, Json, ask_once, chat, field, objects

TOOLS: Json = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
FIRST, SECOND = '{"a": [1, 2, 3]}', '{"b": null, "c": "🙂"}'
PROMPT = f"sim:say I look.\nsim:tool f {FIRST}\nsim:tool g {SECOND}"


def pieces(*dialects: Dialect, **way: object) -> list[tuple[object, Json]]:
    """Return the pieces of the calls of a stream, each with the finish reason of its chunk."""
    reply = ask_once(chat(PROMPT, **TOOLS, **STREAM, **way), dialects=frozenset(dialects))
    return [
        (choice.get("finish_reason"), piece)
        for choice in reply.choices
        for piece in objects({"tool_calls": []} | field(choice, "delta"), "tool_calls")
    ]


def arguments(piece: Json) -> str:
    return str(field(piece, "function")["arguments"])


@pytest.mark.parametrize("way", [{}, SPLIT])
def test_the_last_call_can_come_whole_with_the_finish(way: Json) -> None:
    *others, (finish, last) = pieces(Dialect.CALL_AT_FINISH, **way)
    assert finish == "tool_calls"
    assert field(last, "function") == {"name": "g", "arguments": SECOND}
    assert [(None, 0), (None, 0)] == [(finish, piece["index"]) for finish, piece in others]


def test_arguments_can_come_a_character_or_two_at_a_time() -> None:
    cut = [piece for _, piece in pieces(Dialect.CALL_CUT)]
    assert {len(arguments(piece)) for piece in cut} == {1, 2}
    for index, whole in enumerate([FIRST, SECOND]):
        assert "".join(arguments(piece) for piece in cut if piece["index"] == index) == whole
    assert [field(piece, "function")["name"] for piece in cut if "id" in piece] == ["f", "g"]


def test_a_later_piece_sometimes_repeats_the_type() -> None:
    further = [piece for _, piece in pieces(Dialect.CALL_CUT) if "id" not in piece]
    assert {tuple(piece) for piece in further} == {("function", "index"), ("type", "function", "index")}
    assert all(tuple(field(piece, "function")) == ("arguments",) for piece in further)


def test_early_calls_have_no_index_and_digits_in_their_ids() -> None:
    early = [piece for _, piece in pieces(Dialect.NO_INDEX)]
    assert not any("index" in piece for piece in early)
    first, second = [str(piece["id"]) for piece in early if "id" in piece]
    assert re.fullmatch(r"call_function_\d{10}_1", first)
    assert second == first.removesuffix("_1") + "_2"
    whole = ask_once(chat(PROMPT, **TOOLS), dialects=frozenset({Dialect.NO_INDEX})).message
    assert [(call["id"], "index" in call) for call in objects(whole, "tool_calls")] == [
        (first, False),
        (second, False),
    ]


def test_all_dialects_of_calls_can_be_mixed() -> None:
    *others, (_, last) = pieces(Dialect.CALL_CUT, Dialect.CALL_AT_FINISH, Dialect.NO_INDEX)
    assert arguments(last) == SECOND
    assert len(others) > len(FIRST) / 2


def test_the_first_generation_repeats_the_calls_in_its_message() -> None:
    both = frozenset({Dialect.LAST_FRAME_MESSAGE, Dialect.CALL_AT_FINISH})
    reply = ask_once(chat(PROMPT, **TOOLS, **STREAM), dialects=both)
    message = field(reply.choices[-1], "message")
    assert [arguments(call) for call in objects(message, "tool_calls")] == [FIRST, SECOND]
    assert reply.choices[-1]["finish_reason"] == "tool_calls"


def test_without_calls_nothing_is_different() -> None:
    ways = frozenset({Dialect.CALL_CUT, Dialect.CALL_AT_FINISH, Dialect.NO_INDEX})
    assert ask_once(chat(**STREAM), dialects=ways).deltas == ask_once(chat(**STREAM)).deltas
