"""Thinking, usage and characters cut in two come out of the fields of a stream as they are meant."""

import json

import pytest

from mmpipe.core.events import Text, Thinking, Usage
from support.sse_streams import DETAIL, USAGE, chunk, stream, streamed, text_of, thought


def test_thinking_in_one_field_or_in_two_is_one_text() -> None:
    for fields in (["reasoning_content"], ["reasoning_details"], ["reasoning_content", "reasoning_details"]):
        chunks = [chunk({name: thought(text)[name] for name in fields}) for text in ("The", " user")]
        events = streamed(stream(*chunks, chunk({"content": "56"}, finish_reason="stop")))
        assert [Thinking("The"), Thinking(" user")] == [
            event for event in events if isinstance(event, Thinking)
        ]


def test_usage_with_explicit_caching_has_its_own_names() -> None:
    details = {"cache_read_input_tokens": 7, "cache_creation_input_tokens": 5}
    usage = {"total_tokens": 9, "prompt_tokens_details": details}
    events = streamed(stream(chunk({"content": "x"}, finish_reason="stop"), {"choices": [], "usage": usage}))
    assert Usage(total_tokens=9, cached_tokens=7, cache_write_tokens=5) == events[-2]


@pytest.mark.parametrize("tiers", [("flex", None), (None, "flex"), ("standard", "flex"), ("flex", 7)])
def test_the_tier_of_the_service_is_part_of_the_usage_since_it_has_a_price(tiers: tuple[object, ...]) -> None:
    first, last = ({"service_tier": tier} for tier in tiers)
    events = streamed(stream(chunk({"content": "x"}, finish_reason="stop") | first, USAGE | last))
    assert Usage(769, 116, 885, 37, 443, service_tier="flex") == events[-2]


def test_thinking_that_runs_ahead_in_one_field_is_emitted_once() -> None:
    ahead = {"reasoning_details": [DETAIL | {"text": "The"}], "reasoning_content": "The user"}
    chunks = [chunk(ahead), chunk({"content": "56"}, finish_reason="stop")]
    assert [Thinking("The"), Thinking(" user")] == streamed(stream(*chunks))[1:3]


@pytest.mark.parametrize(
    "details",
    ["hm", 7, [7, None], [{"text": 7}, {"text": ""}, {}], {"text": "hm"}, [{"text": None, "index": "a"}]],
)
def test_details_that_hold_no_text_are_no_thinking(details: object) -> None:
    delta = {"reasoning_details": details, "content": "56"}
    assert [Text("56")] == streamed(stream(chunk(delta, finish_reason="stop")))[1:-1]


def test_a_detail_without_an_index_is_the_first() -> None:
    chunks = [chunk({"reasoning_details": [detail]}) for detail in ({"text": "h"}, {"text": "m", "index": 0})]
    last = streamed(stream(*chunks, chunk({"content": "56"}, finish_reason="stop")))[-1]
    assert [{"text": "hm", "index": 0}] == getattr(last, "message", {})["reasoning_details"]


@pytest.mark.parametrize("index", ["1", 1.0, None])
def test_a_detail_whose_index_is_no_whole_number_keeps_its_text(index: object) -> None:
    detail = {"index": index, "text": "hm"}
    events = streamed(stream(chunk({"reasoning_details": [detail], "content": "56"}, finish_reason="stop")))
    assert Thinking("hm") in events
    assert [detail] == getattr(events[-1], "message", {})["reasoning_details"]


def test_a_second_detail_is_thinking_of_its_own() -> None:
    details = [DETAIL | {"index": index, "text": text} for index, text in enumerate(("First. ", "Second."))]
    chunks = [chunk({"reasoning_details": [detail]}) for detail in details]
    events = streamed(stream(*chunks, chunk({"content": "56"}, finish_reason="stop")))
    assert [Thinking("First. "), Thinking("Second.")] == [
        event for event in events if isinstance(event, Thinking)
    ]
    assert details == getattr(events[-1], "message", {})["reasoning_details"]


@pytest.mark.parametrize(
    ("first", "second"),
    [(r"a\ud83d", r"\ude00b"), (r"a", r"\ud83d\ude00b"), (r"a\ud83d\ude00", "b")],
)
def test_a_character_cut_in_two_is_one_character(first: str, second: str) -> None:
    pieces = [
        json.dumps(chunk({"content": "X"}, finish_reason="stop")).replace("X", text)
        for text in (first, second)
    ]
    events = streamed(b"".join(f"data: {piece}\n\n".encode() for piece in pieces))
    assert "a\U0001f600b" == text_of(events) == getattr(events[-1], "message", {})["content"]


def test_halves_of_characters_are_joined_field_by_field() -> None:
    halves = [
        {"reasoning_content": r"a\ud83d"},
        {"content": r"b\ud83c"},
        {"reasoning_content": r"\ude00"},
        {"content": r"\udf89"},
    ]
    body = stream(*map(chunk, halves), chunk({}, finish_reason="stop")).replace(rb"\\u", rb"\u")
    events = streamed(body)
    assert "b\U0001f389" == text_of(events)
    assert "a\U0001f600" == "".join(event.text for event in events if isinstance(event, Thinking))
