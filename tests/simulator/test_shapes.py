"""Bodies and chunks have the keys of the captured_answers, in their order, with values of their types."""

import json
import re

import pytest

from support import captured_answers
from support.captured_answers import shape, shape_of
from support.simulator_client import (
    SPLIT,
    STREAM,
    USAGE,
    Json,
    ask,
    ask_once,
    chat,
    field,
    objects,
    simulator,
)

SYSTEM = {"role": "system", "content": "Be exact. " * 200}


def test_a_split_stream_has_the_captured_chunks_in_their_order() -> None:
    events = ask_once(chat(**SPLIT, **STREAM)).events
    shapes = [shape(event) for event in events]
    first_text = next(
        place for place, event in enumerate(events) if '"reasoning_content"' not in json.dumps(event)
    )
    assert shapes[0] == shape_of(captured_answers.FIRST_THINKING)
    assert shapes[1:first_text] == [shape_of(captured_answers.LATER_THINKING)] * (first_text - 1)
    assert shapes[first_text:-1] == [shape_of(captured_answers.TEXT)] * (len(events) - first_text - 1)
    assert shapes[-1] == shape_of(captured_answers.FINISH)
    assert first_text > 1
    assert len(events) - first_text > 2


def test_a_native_stream_has_only_text_chunks_and_the_finish() -> None:
    shapes = [shape(event) for event in ask_once(chat(**STREAM)).events]
    assert shapes == [shape_of(captured_answers.TEXT)] * (len(shapes) - 1) + [
        shape_of(captured_answers.FINISH)
    ]


def test_the_usage_chunk_comes_last_and_only_if_asked_for() -> None:
    long = chat() | {"messages": [SYSTEM, *objects(chat(), "messages")]}
    with simulator() as running:
        events = ask(running, long | USAGE).events
        assert shape(events[-1]) == shape_of(captured_answers.USAGE)
        assert all(event["choices"] for event in events[:-1])
        assert all(event["choices"] for event in ask(running, long | STREAM).events)


def test_a_whole_answer_has_the_captured_shape() -> None:
    assert shape(ask_once(chat(model="MiniMax-M2.7-highspeed")).json) == shape_of(captured_answers.WHOLE)


def test_a_whole_split_answer_has_the_captured_shape() -> None:
    assert shape(ask_once(chat(model="MiniMax-M2.5", **SPLIT)).json) == shape_of(captured_answers.WHOLE_SPLIT)


def test_m3_adds_its_service_tier_before_base_resp() -> None:
    assert [*ask_once(chat(model="MiniMax-M3")).json][-2:] == ["service_tier", "base_resp"]


def test_constants_have_their_captured_values() -> None:
    body = ask_once(chat(**SPLIT)).json
    message = field(objects(body, "choices")[0], "message")
    assert {name: message[name] for name in ("role", "name", "audio_content")} == {
        "role": "assistant",
        "name": "MiniMax AI",
        "audio_content": "",
    }
    detail = objects(message, "reasoning_details")[0]
    captured = json.loads(captured_answers.FIRST_THINKING)["choices"][0]["delta"]["reasoning_details"][0]
    assert detail == captured | {"text": message["reasoning_content"]}
    assert captured_answers.SENSITIVITY in json.dumps(body, separators=(",", ":"))
    assert body["base_resp"] == {"status_code": 0, "status_msg": ""}


def test_text_is_compact_unescaped_utf8() -> None:
    body = ask_once(chat("sim:echo <b>déjà 中文 & 🙂</b>")).body
    assert "<b>déjà 中文 & 🙂</b>".encode() in body
    assert b'{"id":"' in body


def test_thinking_and_text_never_share_a_delta_when_split() -> None:
    for delta in ask_once(chat(**SPLIT, **STREAM)).deltas:
        assert not (delta.get("content") and delta.get("reasoning_content"))
        assert (
            [detail["text"] for detail in objects(delta, "reasoning_details")] == [delta["reasoning_content"]]
            if "reasoning_content" in delta
            else "reasoning_details" not in delta
        )


def test_streamed_and_whole_say_the_same() -> None:
    with simulator() as running:
        for way in ({}, SPLIT):
            message = ask(running, chat(**way)).message
            streamed = ask(running, chat(**way, **STREAM))
            assert streamed.joined() == message["content"]
            assert streamed.joined("reasoning_content") == message.get("reasoning_content", "")


def test_chunks_begin_tiny_and_go_on_with_40_to_150_characters() -> None:
    deltas = ask_once(chat("sim:length 5000", **SPLIT, **STREAM)).deltas
    sizes = [len(str(delta["content"])) for delta in deltas if "reasoning_content" not in delta]
    assert sizes[0] <= 7
    assert all(40 <= size <= 150 for size in sizes[1:-1])
    assert sum(sizes) == 5000


@pytest.mark.parametrize("way", [STREAM, {}])
def test_the_trace_id_is_the_id_of_the_body(way: Json) -> None:
    reply = ask_once(chat(**way))
    identity = reply.events[0]["id"] if way else reply.json["id"]
    assert re.fullmatch(r"[0-9a-f]{32}", str(identity))
    assert reply.headers["Trace-Id"] == identity


def test_answers_have_the_captured_headers_and_no_others() -> None:
    reply = ask_once(chat())
    assert set(reply.headers) == {
        *("Date", "Content-Type", "Content-Length", "Vary", "Trace-Id", "Minimax-Request-Id", "X-Session-Id"),
        *("X-Mm-Request-Id", "alb_receive_time", "alb_request_id"),
    }
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert ask_once(chat(**STREAM)).headers["Content-Type"] == "text/event-stream"


def test_the_model_list_has_the_captured_shape() -> None:
    with simulator() as running:
        listed = ask(running, method="GET", path="/v1/models").json
    assert shape(listed) == [
        ("object", "str"),
        ("data", [[("id", "str"), ("object", "str"), ("created", "int"), ("owned_by", "str")]] * 9),
    ]
    assert {"id": "MiniMax-M3", "object": "model", "created": 1780272000, "owned_by": "minimax"} in objects(
        listed, "data"
    )
