"""Each dialect of another server differs from the API only in the way of its name."""

import gzip
import json
import zlib

import pytest

from mmpipe.simulator.dialects import Dialect
from support.simulator_client import (
    SPLIT,
    STREAM,
    USAGE,
    Json,
    Reply,
    ask,
    ask_once,
    chat,
    field,
    objects,
    simulator,
)

PROMPT = "sim:think First I wonder.|||It is so. And that is all there is."
THOUGHT, ANSWER = "First I wonder.", "It is so. And that is all there is."
TOOLS: Json = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
CITY, DAY = '{"city": "Zürich 🙂"}', '{"day": 7}'
CALLS = f"sim:tool f {CITY}\nsim:tool g {DAY}"
WAYS = [pytest.param({}, id="native"), pytest.param(SPLIT, id="split")]


def speak(*dialects: Dialect, way: Json | None = None, prompt: str = PROMPT) -> Reply:
    return ask_once(chat(prompt, **(way or {})), dialects=frozenset(dialects))


def pieces(*dialects: Dialect, prompt: str = CALLS) -> list[Json]:
    """Return the pieces of the calls of a stream."""
    deltas = speak(*dialects, prompt=prompt, way=TOOLS | STREAM).deltas
    return [piece for delta in deltas if "tool_calls" in delta for piece in objects(delta, "tool_calls")]


def whole(*dialects: Dialect, prompt: str = CALLS) -> list[Json]:
    return objects(speak(*dialects, prompt=prompt, way=TOOLS).message, "tool_calls")


def arguments(calls: list[Json]) -> list[object]:
    return [field(call, "function")["arguments"] for call in calls]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        (Dialect.REASONING, "reasoning"),
        (Dialect.REASONING_CONTENT, "reasoning_content"),
        (Dialect.REASONING_TYPES, "reasoning"),
    ],
)
def test_thinking_has_a_field_of_its_own_asked_for_or_not(dialect: Dialect, name: str, way: Json) -> None:
    message, streamed = speak(dialect, way=way).message, speak(dialect, way=way | STREAM)
    assert (THOUGHT, ANSWER) == (message[name], message["content"])
    assert (THOUGHT, ANSWER) == (streamed.joined(name), streamed.joined())
    others = {"reasoning", "reasoning_content"} - {name}
    assert not others & set(message)
    assert ("reasoning_details" in message) == (dialect is Dialect.REASONING_TYPES)


def test_details_of_two_types_have_one_index() -> None:
    details = objects(speak(Dialect.REASONING_TYPES).message, "reasoning_details")
    assert [("reasoning.text", 0, THOUGHT), ("reasoning.encrypted", 0, None)] == [
        (detail["type"], detail["index"], detail.get("text")) for detail in details
    ]
    deltas = speak(Dialect.REASONING_TYPES, way=STREAM).deltas
    streamed = [
        detail
        for delta in deltas
        for detail in objects({"reasoning_details": []} | delta, "reasoning_details")
    ]
    assert ["reasoning.encrypted"] == [detail["type"] for detail in streamed if "text" not in detail]
    assert streamed[-1]["type"] == "reasoning.encrypted"


@pytest.mark.parametrize("way", WAYS)
def test_content_can_be_a_list_of_parts(way: Json) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
    assert [thinking, {"type": "text", "text": ANSWER}] == speak(Dialect.PARTS, way=way).message["content"]
    deltas = speak(Dialect.PARTS, way=way | STREAM).deltas
    parts = [part for delta in deltas if delta["content"] for part in objects(delta, "content")]
    assert ANSWER == "".join(str(part["text"]) for part in parts if part["type"] == "text")
    assert THOUGHT == "".join(
        str(inner["text"])
        for part in parts
        if part["type"] == "thinking"
        for inner in objects(part, "thinking")
    )


def test_native_thinking_can_be_opened_by_a_tag_of_m3() -> None:
    both = speak(Dialect.MM_OPENER, Dialect.MM_CLOSER).message["content"]
    assert f"<mm:think>\n{THOUGHT}\n</mm:think>\n\n{ANSWER}" == both
    assert str(speak(Dialect.MM_OPENER).message["content"]).startswith(f"<mm:think>\n{THOUGHT}\n</think>")


@pytest.mark.parametrize(
    ("dialect", "early"),
    [(Dialect.FINISH_EACH, "stop"), (Dialect.NULL_REASON, "null"), (Dialect.EMPTY_REASON, "")],
)
def test_every_chunk_has_a_finish_reason(dialect: Dialect, early: str) -> None:
    for prompt, reason in ((PROMPT, "stop"), (CALLS, "tool_calls")):
        reply = speak(dialect, prompt=prompt, way=TOOLS | STREAM)
        *earlier, last = [choice["finish_reason"] for choice in reply.choices]
        assert (early, reason) == (*set(earlier), last)
        assert reason == objects(speak(dialect, prompt=prompt, way=TOOLS).json, "choices")[0]["finish_reason"]


def test_pings_and_events_without_data_stand_before_each_event() -> None:
    body = speak(Dialect.PINGS, way=USAGE).body
    events = body.split(b"\n\n")[:-1]
    chunks = [event for event in events if event.startswith(b'data: {"id"')]
    assert len(speak(way=USAGE).events) == len(chunks)
    for event in (b'event: ping\ndata: {"type": "ping"}', b"event: heartbeat\ndata: still here", b"data:"):
        assert len(chunks) == events.count(event)


def test_events_can_be_named() -> None:
    body = speak(Dialect.NAMED_EVENTS, Dialect.CRLF, way=STREAM).body
    assert body.count(b"event: message\r\ndata: {") == len(speak(way=STREAM).events)
    assert not body.replace(b"\r\n", b"").count(b"\n")


def test_parallel_calls_can_have_one_index() -> None:
    assert {0} == {piece["index"] for piece in pieces(Dialect.SAME_INDEX)}
    assert ["f", "g"] == [
        field(piece, "function")["name"] for piece in pieces(Dialect.SAME_INDEX) if "id" in piece
    ]
    assert [0, 0] == [call["index"] for call in whole(Dialect.SAME_INDEX)]
    assert 2 == len({call["id"] for call in whole(Dialect.SAME_INDEX)})


def test_arguments_can_be_an_object() -> None:
    expected = [json.loads(CITY), json.loads(DAY)]
    assert expected == arguments(whole(Dialect.ARGS_OBJECT)) == arguments(pieces(Dialect.ARGS_OBJECT))
    assert ['{"a":'] == arguments(whole(Dialect.ARGS_OBJECT, prompt='sim:tool f {"a":'))


def test_arguments_can_be_null() -> None:
    prompt = f"sim:tool f\nsim:tool g {DAY}"
    assert [None, DAY] == arguments(whole(Dialect.ARGS_NULL, prompt=prompt))
    assert None is arguments(pieces(Dialect.ARGS_NULL, prompt=prompt))[0]


def test_pieces_of_arguments_can_be_cumulative() -> None:
    first, second = arguments(pieces(Dialect.ARGS_CUMULATIVE))[:2]
    assert CITY == second
    assert CITY.startswith(str(first))
    assert [CITY, DAY] == arguments(whole(Dialect.ARGS_CUMULATIVE))


def test_arguments_can_begin_with_a_placeholder() -> None:
    sent = arguments(pieces(Dialect.ARGS_PLACEHOLDER))
    assert ("{}", CITY) == (sent[0], f"{sent[1]}{sent[2]}")
    assert ["{", "}"] == arguments(pieces(Dialect.ARGS_PLACEHOLDER, prompt="sim:tool f"))


def test_arguments_can_be_repeated_at_their_end() -> None:
    sent = arguments(pieces(Dialect.ARGS_REPEATED))
    assert (CITY, CITY) == (f"{sent[0]}{sent[1]}", sent[2])


@pytest.mark.parametrize(
    ("dialect", "number"), [(Dialect.EMPTY_IDS, 1), (Dialect.REPEATED_IDS, 1), (Dialect.NO_INDEX, 2)]
)
def test_ids_can_be_empty_or_repeated(dialect: Dialect, number: int) -> None:
    for calls in (whole(dialect), [piece for piece in pieces(dialect) if "id" in piece]):
        ids = {call["id"] for call in calls}
        assert (2, number) == (len(calls), len(ids))
        assert ("" in ids) == (dialect is Dialect.EMPTY_IDS)


def test_usage_can_stand_in_the_last_choice() -> None:
    reply = speak(Dialect.USAGE_IN_CHOICE, way=STREAM)
    assert all(event["choices"] and event["usage"] is None for event in reply.events)
    assert [field(choice, "usage")["total_tokens"] for choice in reply.choices if "usage" in choice]
    assert field(speak(Dialect.USAGE_IN_CHOICE).json, "usage")["total_tokens"]


def test_a_server_can_answer_in_the_other_way() -> None:
    assert ANSWER == speak(Dialect.NEVER_STREAM, way=SPLIT | STREAM).message["content"]
    assert ANSWER == speak(Dialect.ALWAYS_STREAM, way=SPLIT).joined()


@pytest.mark.parametrize("way", [{}, STREAM])
@pytest.mark.parametrize("fault", ["", "400", "html", "empty"])
def test_every_body_can_be_compressed_although_not_asked_for(way: Json, fault: str) -> None:
    faults = [fault] if fault else []
    reply = ask_once(chat(PROMPT, **way), *faults, dialects=frozenset({Dialect.GZIP}))
    assert "gzip" == reply.headers["Content-Encoding"]
    plain = ask_once(chat(PROMPT, **way), *faults)
    assert len(plain.body) == len(gzip.decompress(reply.body))
    assert plain.status == reply.status


def test_a_compressed_stream_arrives_as_it_is_sent() -> None:
    reply = ask_once(chat(**STREAM), "cut-at-frame", dialects=frozenset({Dialect.GZIP}))
    text = zlib.decompressobj(wbits=31).decompress(reply.body)
    assert text.endswith(b"}\n\n")


@pytest.mark.parametrize("body", [chat(), chat(**STREAM), chat(model="nobody")])
@pytest.mark.parametrize(
    ("dialect", "content_type"),
    [(Dialect.TEXT_PLAIN, "text/plain; charset=utf-8"), (Dialect.NO_CONTENT_TYPE, None)],
)
def test_the_label_can_be_wrong_or_missing(dialect: Dialect, content_type: str | None, body: Json) -> None:
    reply = ask_once(body, dialects=frozenset({dialect}))
    assert content_type == reply.headers.get("Content-Type")
    assert reply.body.startswith((b"{", b"data: "))


def refused(dialect: Dialect, body: Json, *faults: str) -> Reply:
    return ask_once(body, *faults, dialects=frozenset({dialect}))


def test_errors_can_have_a_detail() -> None:
    invalid = refused(Dialect.DETAIL_ERRORS, chat(top_p=7))
    assert 400 == invalid.status
    assert "invalid params, top_p 7 is out of range [0, 1]" == objects(invalid.json, "detail")[0]["msg"]
    assert {"detail": "rate limit, please retry later"} == refused(Dialect.DETAIL_ERRORS, chat(), "429").json


def test_errors_can_be_text_or_a_web_page() -> None:
    text = refused(Dialect.TEXT_ERRORS, chat(), "500")
    assert (500, b"unknown error, 798\n") == (text.status, text.body)
    page = refused(Dialect.HTML_ERRORS, chat(), "502")
    assert (502, "text/html") == (page.status, page.headers["Content-Type"])
    assert b"<title>502 Bad Gateway</title>" in page.body


def test_a_server_can_need_no_key() -> None:
    with simulator(dialects=frozenset({Dialect.NO_KEY}), key="sk-api-right") as running:
        assert 200 == ask(running, chat(), key=None).status
        assert 401 == ask(running, chat(), key="Bearer sk-api-wrong").status


@pytest.mark.parametrize("way", [{}, STREAM])
def test_a_server_can_refuse_the_field_that_splits_thinking(way: Json) -> None:
    refusal = refused(Dialect.NO_REASONING_SPLIT, chat(**SPLIT, **way))
    assert (400, True) == (refusal.status, "reasoning_split" in str(field(refusal.json, "error")["message"]))
    assert 200 == refused(Dialect.NO_REASONING_SPLIT, chat(**way)).status


@pytest.mark.parametrize("dialect", [Dialect.DETAIL_ERRORS, Dialect.TEXT_ERRORS, Dialect.HTML_ERRORS])
def test_a_refused_key_and_the_model_list_have_these_forms_too(dialect: Dialect) -> None:
    with simulator("500", dialects=frozenset({dialect})) as running:
        for reply in (ask(running, chat(), key=None), ask(running, method="GET", path="/v1/models")):
            assert b'"error"' not in reply.body
            assert reply.body


@pytest.mark.parametrize("dialect", sorted(set(Dialect) - {Dialect.GZIP}))
def test_the_model_list_is_the_same_in_every_dialect(dialect: Dialect) -> None:
    with simulator(dialects=frozenset({dialect})) as running:
        assert "list" == ask(running, method="GET", path="/v1/models").json["object"]
