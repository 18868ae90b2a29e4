"""Thinking, usage and characters cut in two come out of the fields of a stream as they are meant."""

import json
from collections.abc import Mapping

import pytest

from mmpipe.api.answer.wire import StreamDecoder, decode
from mmpipe.core.events import Event, Message, Stop, Text, Thinking, Usage
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


def read_whole(message: Mapping[str, object]) -> list[Event]:
    return list(
        decode(json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode())
    )


def thinking_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Thinking))


def message_of(events: list[Event]) -> Message:
    stop = events[-1]
    assert isinstance(stop, Stop)
    return stop.message


def deltas(*fields: Mapping[str, object]) -> list[Event]:
    return streamed(stream(*map(chunk, fields), chunk({}, finish_reason="stop")))


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking"])
def test_thinking_under_every_name_is_thinking_and_in_the_message(name: str) -> None:
    events = deltas({name: "I "}, {name: "think."}, {"content": "yes"})
    assert ("I think.", "yes") == (thinking_of(events), text_of(events))
    message = {name: "I think.", "content": "yes", "role": "assistant"}
    assert message == message_of(events)
    assert ("I think.", "yes") == (thinking_of(read_whole(message)), text_of(read_whole(message)))


@pytest.mark.parametrize("refusal", ["I must decline.", {"text": "I must decline."}])
def test_the_words_of_a_refusal_are_text(refusal: object) -> None:
    events = read_whole({"role": "assistant", "content": None, "refusal": refusal})
    assert "I must decline." == text_of(events)
    pieces = deltas({"content": None, "refusal": "I must "}, {"refusal": "decline."})
    assert "I must decline." == text_of(pieces)
    assert {"content": None, "refusal": "I must decline.", "role": "assistant"} == message_of(pieces)


@pytest.mark.parametrize(
    "names", [("reasoning", "reasoning_content"), ("thinking", "reasoning", "reasoning_content")]
)
def test_thinking_that_several_fields_repeat_counts_once_however_each_is_cut(names: tuple[str, ...]) -> None:
    lagging = [
        dict.fromkeys(names, "I "),
        {names[0]: "think "},
        dict.fromkeys(names[1:], "think hard."),
        {names[0]: "hard."},
    ]
    assert "I think hard." == thinking_of(deltas(*lagging, {"content": "yes"}))


def test_different_thinking_in_two_fields_is_all_there() -> None:
    events = deltas(
        {"reasoning": "I think it is 4."}, {"reasoning_content": "I thought"}, {"reasoning_content": " so."}
    )
    assert "I think it is 4.I thought so." == thinking_of(events)


def test_thinking_that_goes_on_in_another_field_is_all_there() -> None:
    events = deltas({"reasoning_content": "I "}, {"reasoning": "think."}, {"content": "yes"})
    assert "I think." == thinking_of(events)


TYPES = [
    {"type": "reasoning.summary", "index": 0, "summary": "In short. "},
    {"type": "reasoning.text", "index": 0, "text": "I think.", "signature": "abc"},
    {"type": "reasoning.encrypted", "index": 0, "id": "e1", "data": "gAAA"},
    {"type": "reasoning.encrypted", "index": 0, "id": "e2", "data": "gBBB"},
]


def test_details_of_several_types_under_one_index_are_kept_apart() -> None:
    pieces = [
        {"type": "reasoning.summary", "index": 0, "summary": "In "},
        {"type": "reasoning.text", "index": 0, "text": "I "},
        {"type": "reasoning.encrypted", "index": 0, "id": "e1", "data": "gAAA"},
        {"type": "reasoning.summary", "index": 0, "summary": "short. "},
        {"type": "reasoning.encrypted", "index": 0, "id": "e2", "data": "gBBB"},
        {"type": "reasoning.text", "index": 0, "text": "think."},
        {"index": 0, "type": "reasoning.text", "signature": "abc"},
    ]
    events = deltas(*({"reasoning_details": [piece]} for piece in pieces), {"content": "yes"})
    assert TYPES == message_of(events)["reasoning_details"]
    assert "In I short. think." == thinking_of(events)
    assert "In short. I think." == thinking_of(read_whole({"content": "yes", "reasoning_details": TYPES}))


def test_a_detail_whose_id_comes_later_is_one_detail() -> None:
    pieces = [
        {"index": 0, "text": "I "},
        {"index": 0, "type": "reasoning.text", "text": "think"},
        {"index": 0, "id": "r", "text": "."},
    ]
    events = deltas(*({"reasoning_details": [piece]} for piece in pieces))
    assert [{"type": "reasoning.text", "id": "r", "index": 0, "text": "I think."}] == message_of(events)[
        "reasoning_details"
    ]


def test_blocks_of_thinking_that_repeat_the_thinking_keep_their_signature() -> None:
    events = deltas(
        {
            "reasoning_content": "I ",
            "thinking_blocks": [{"type": "thinking", "thinking": "I ", "signature": None}],
        },
        {"reasoning_content": "think.", "thinking_blocks": [{"type": "thinking", "thinking": "think."}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "abc"}]},
    )
    assert "I think." == thinking_of(events)
    assert [{"type": "thinking", "thinking": "I think.", "signature": "abc"}] == message_of(events)[
        "thinking_blocks"
    ]


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "I think."}]},
    {"type": "widget", "size": 4},
    {"type": "text", "text": "six"},
]


def test_content_in_parts_is_text_and_thinking_and_assembled_in_parts() -> None:
    events = deltas(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "I "}]}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "think."}]}]},
        {"content": [{"type": "widget", "size": 4}]},
        {"content": [{"type": "text", "text": "s"}]},
        {"content": "ix"},
    )
    whole = read_whole({"role": "assistant", "content": PARTS})
    for found in (events, whole):
        assert ("I think.", "six", PARTS) == (
            thinking_of(found),
            text_of(found),
            message_of(found)["content"],
        )


@pytest.mark.parametrize(
    ("content", "thinking", "text"),
    [
        ([{"type": "output_text", "text": "six"}], "", "six"),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, {"type": "text", "text": "six"}], "hm", "six"),
        ([{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}, "six"], "hm", "six"),
        ([{"type": "refusal", "refusal": "no"}], "", "no"),
        ([{"type": "redacted_thinking", "data": "abc"}, {"type": "text", "text": "six"}], "", "six"),
        ([{"type": "tool_use", "name": "f", "input": {"text": "no"}}, {"type": "text", "text": "six"}], "", "six"),
        ([{"text": "hm", "thought": True}, {"text": "six"}], "hm", "six"),
        ([["six"], {"type": "text", "text": None}], "", "six"),
        ({"type": "text", "text": "six"}, "", "six"),
        ({"parts": [{"text": "s"}, {"text": "ix"}]}, "", "six"),
        ({"city": "Paris"}, "", '{"city":"Paris"}'),
    ],
)  # fmt: skip
def test_every_form_of_content_gives_its_text_streamed_and_whole(
    content: object, thinking: str, text: str
) -> None:
    for events in (read_whole({"role": "assistant", "content": content}), deltas({"content": content})):
        assert (thinking, text) == (thinking_of(events), text_of(events))
        assert content == message_of(events)["content"]


def test_parts_nested_without_end_are_no_text() -> None:
    nested: object = [{"type": "text", "text": "deep"}]
    for _ in range(200):
        nested = [nested]
    assert "a" == text_of(deltas({"content": ["a", nested]}))


def test_text_in_an_unknown_field_is_assembled_and_a_constant_is_kept_once() -> None:
    events = deltas(
        {
            "provider": "P",
            "note": "one ",
            "audio": {"id": "a", "data": "QU", "transcript": "h"},
            "links": ["a"],
        },
        {
            "provider": "P",
            "note": "two",
            "audio": {"id": "a", "data": "JD", "transcript": "h"},
            "links": ["b"],
        },
        {"provider": "P", "note": "two", "step_id": "s1"},
        {"provider": "P", "step_id": "s2", "content": "56"},
    )
    expected = {
        "provider": "P",
        "note": "one twotwo",
        "audio": {"id": "a", "data": "QUJD", "transcript": "hh"},
        "links": ["a", "b"],
        "step_id": "s2",
    }
    assert expected.items() <= message_of(events).items()


def test_a_name_that_changes_is_no_text_in_pieces_and_no_progress() -> None:
    decoder = StreamDecoder()
    for number in range(3):
        heartbeat = {
            "role": "assistant",
            "request_id": f"r{number}",
            "timestamp": f"{number}",
            "count": number,
            "origin": "P",
        }
        list(decoder.feed(stream(chunk(heartbeat))))
    assert 0 == decoder.progress
    events = [*decoder.feed(stream(chunk({"content": "56"}, finish_reason="stop"))), *decoder.close()]
    assert {"request_id": "r2", "timestamp": "2", "count": 2, "origin": "P"}.items() <= message_of(
        events
    ).items()


def test_each_further_piece_of_an_unknown_text_is_progress() -> None:
    decoder, seen = StreamDecoder(), list[int]()
    for word in ("a ", "b ", "b ", "c"):
        list(decoder.feed(stream(chunk({"plan": word}))))
        seen.append(decoder.progress)
    assert [0, 1, 1, 2] == seen


def test_lists_that_repeat_what_was_sent_are_kept_once() -> None:
    events = deltas({"links": ["a"]}, {"links": ["a", "b"]}, {"links": ["a", "b"], "content": "56"})
    assert ["a", "b"] == message_of(events)["links"]


@pytest.mark.parametrize(
    ("sent", "text", "kept"),
    [
        (["a\ud83d"], "a\ufffd", "a\ud83d"),
        (["a\ud83d", "b"], "a\ufffdb", "a\ud83db"),
        (["\ude00b"], "\ufffdb", "\ude00b"),
        (["a\ud83d", "\ude00b"], "a\U0001f600b", "a\U0001f600b"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd\U0001f600", "\ud83d\U0001f600"),
    ],
)
@pytest.mark.parametrize("name", ["content", "reasoning", "reasoning_content", "refusal"])
def test_a_lone_surrogate_is_replaced_in_the_text_and_kept_in_the_message(
    name: str, sent: list[str], text: str, kept: str
) -> None:
    events = deltas(*({name: piece} for piece in sent))
    assert text == (thinking_of(events) or text_of(events))
    assert kept == message_of(events)[name]


@pytest.mark.parametrize("ends", [(40, 40, 60), (35, 36, 60, 80), (40, 41, 60)])
def test_a_character_cut_in_two_in_a_cumulative_stream_is_one_character(ends: tuple[int, ...]) -> None:
    answer = (
        "The sky is blue because of the air\U0001f600 which scatters short waves more than long ones, mostly."
    )
    first = answer.partition("\U0001f600")[0]
    pieces = [first[:10], first[:33], first + "\ud83d", *(answer[:end] for end in ends), answer]
    events = deltas(*({"content": piece} for piece in pieces))
    assert (answer, answer) == (text_of(events), message_of(events)["content"])


def test_details_without_an_index_are_told_apart_by_their_type_and_their_place_in_a_delta() -> None:
    events = deltas(
        {
            "reasoning_details": [
                {"type": "s", "summary": "a"},
                {"type": "e", "data": "c"},
                {"type": "s", "summary": "x"},
            ]
        },
        {"reasoning_details": [{"type": "e", "data": "d"}]},
        {"reasoning_details": [{"type": "s", "summary": "b"}, {"type": "s", "summary": "y"}]},
    )
    details = [{"type": "s", "summary": "ab"}, {"type": "e", "data": "cd"}, {"type": "s", "summary": "xy"}]
    assert details == message_of(events)["reasoning_details"]


def test_parts_with_an_index_come_together_by_it() -> None:
    parts = [{"type": "text", "text": text, "index": index} for text, index in (("a", 0), ("b", 1), ("c", 0))]
    events = deltas(*({"content": [part]} for part in parts))
    whole = [{"type": "text", "text": "ac", "index": 0}, {"type": "text", "text": "b", "index": 1}]
    assert ("abc", whole) == (text_of(events), message_of(events)["content"])


def test_details_that_are_no_list_stay_in_the_message() -> None:
    events = deltas({"reasoning_details": {"kind": "k"}, "content": "56"})
    assert {"kind": "k"} == message_of(events)["reasoning_details"]


def test_halves_of_characters_are_joined_in_unknown_fields_and_parts_too() -> None:
    events = deltas(
        {"note": "a\ud83d", "content": [{"type": "text", "text": "b\ud83d"}]},
        {"note": "\ude00", "content": [{"type": "text", "text": "\ude00"}]},
    )
    assert "b\U0001f600" == text_of(events)
    assert {
        "note": "a\U0001f600",
        "content": [{"type": "text", "text": "b\U0001f600"}],
    }.items() <= message_of(events).items()
