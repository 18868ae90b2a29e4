"""What the service sends becomes events; what is no whole answer becomes an error. Shapes: api_facts 1 to 3."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.verdict import Source
from mmpipe.api.wire import StreamDecoder, decode
from mmpipe.errors import AuthError, BadResponse, MmpipeError, QuotaError, ServerError
from mmpipe.events import Event, Start, Stop, Text, Thinking, ToolCall, Usage

DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0}
FLAGS = {"role": "assistant", "name": "MiniMax AI", "audio_content": ""}


def thought(text: str) -> dict[str, object]:
    return {"reasoning_content": text, "reasoning_details": [DETAIL | {"text": text}]}


def chunk(delta: object, **choice: object) -> dict[str, object]:
    choices = [{**choice, "index": 0, "delta": delta}]
    return {
        "id": "0700",
        "choices": choices,
        "model": "MiniMax-M2.7",
        "object": "chat.completion.chunk",
        "usage": None,
    }


USAGE = {
    "id": "0700",
    "choices": [],
    "usage": {
        "total_tokens": 885,
        "total_characters": 0,
        "prompt_tokens": 769,
        "completion_tokens": 116,
        "completion_tokens_details": {"reasoning_tokens": 37},
        "prompt_tokens_details": {"cached_tokens": 443},
    },
    "base_resp": {"status_code": 0, "status_msg": ""},
}
SPLIT = [
    chunk(FLAGS | thought("The")),
    chunk({"content": ""} | FLAGS | thought(" user")),
    chunk({"content": "**"} | FLAGS),
    chunk({"content": " = 2. ∎"} | FLAGS, finish_reason="stop"),
    USAGE,
]
MESSAGE = {"content": "** = 2. ∎"} | FLAGS | thought("The user")
EVENTS = [
    Start("0700", "MiniMax-M2.7", "trace"),
    Thinking("The"),
    Thinking(" user"),
    Text("**"),
    Text(" = 2. ∎"),
    Usage(769, 116, 885, 37, 443),
    Stop("stop", MESSAGE),
]


def stream(*chunks: object) -> bytes:
    return b"".join(b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\n\n" for piece in chunks)


def streamed(body: bytes, size: int = 10**6) -> list[Event]:
    decoder = StreamDecoder(Source(request_id="trace"))

    def events() -> Iterator[Event]:
        for at in range(0, len(body), size):
            yield from decoder.feed(body[at : at + size])
        yield from decoder.close()

    return list(events())


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def test_a_split_stream_becomes_events_at_every_cut() -> None:
    body = stream(*SPLIT)
    for size in (1, 2, 3, 5, 50, len(body)):
        assert EVENTS == streamed(body, size)


def test_the_message_of_a_stream_equals_the_message_of_a_whole_answer() -> None:
    whole = {
        "id": "0700",
        "model": "M",
        "choices": [{"finish_reason": "stop", "index": 0, "message": MESSAGE}],
    }
    last = list(decode(json.dumps(whole).encode()))[-1]
    assert Stop("stop", MESSAGE) == last
    assert last == streamed(stream(*SPLIT))[-1]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b"data: [DONE]\n\ndata: {broken\n\n"])
def test_the_done_marker_may_come_or_not_and_ends_the_stream(end: bytes) -> None:
    assert EVENTS == streamed(stream(*SPLIT) + end)


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert EVENTS == streamed(stream(*SPLIT)[:-1])


def test_thinking_in_one_field_or_in_two_is_one_text() -> None:
    for fields in (["reasoning_content"], ["reasoning_details"], ["reasoning_content", "reasoning_details"]):
        chunks = [chunk({name: thought(text)[name] for name in fields}) for text in ("The", " user")]
        events = streamed(stream(*chunks, chunk({"content": "56"}, finish_reason="stop")))
        assert [Thinking("The"), Thinking(" user")] == [
            event for event in events if isinstance(event, Thinking)
        ]


ZEROS = {"usage": {"total_tokens": 0, "total_characters": 0}}
REAL = {"usage": {"total_tokens": 9, "prompt_tokens": 4, "completion_tokens": 5}}


@pytest.mark.parametrize("last", ["", "56", "5"])
def test_an_old_stream_ends_with_a_message_in_place_of_a_delta(last: str) -> None:
    frame = {
        "id": "1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": last, "role": "assistant"}}],
        **REAL,
    }
    chunks = [
        chunk({"content": "5", "role": "assistant"}) | ZEROS,
        chunk({"content": "6", "role": ""}) | ZEROS,
    ]
    events = streamed(stream(*chunks, frame))
    assert "56" == text_of(events)
    assert Usage(4, 5, 9) == events[-2]
    assert Stop("stop", {"content": "56", "role": "assistant"}) == events[-1]


def test_an_old_stream_may_bring_all_its_text_in_the_last_frame() -> None:
    frame = {"choices": [{"index": 0, "finish_reason": "stop", "delta": None, "message": {"content": "56"}}]}
    assert "56" == text_of(streamed(stream(frame)))


def test_a_cumulative_stream_is_said_once() -> None:
    answer = "The sky is blue because of the air, which scatters short waves more than long ones."
    chunks = [chunk({"content": answer[:end]}) for end in (3, 40, 60)]
    events = streamed(stream(*chunks, chunk({"content": answer}, finish_reason="stop")))
    assert answer == text_of(events)
    assert answer == getattr(events[-1], "message", {})["content"]


def call(index: int | None, **fields: object) -> dict[str, object]:
    return {"tool_calls": [fields if index is None else fields | {"index": index}]}


def test_tool_calls_come_whole_and_once_however_they_were_cut() -> None:
    first = {"id": "call_function_a_1", "type": "function", "function": {"name": "ls", "arguments": '{"a": '}}
    second = {"id": "call_function_a_2", "type": "function", "function": {"name": "rm", "arguments": "{}"}}
    chunks = [
        chunk({"content": "I look."}),
        chunk(call(0, **first)),
        chunk(call(0, function={"arguments": "null}"})),
        chunk(call(1, **second), finish_reason="tool_calls"),
    ]
    events = streamed(stream(*chunks))
    calls = [
        ToolCall(0, "call_function_a_1", "ls", '{"a": null}'),
        ToolCall(1, "call_function_a_2", "rm", "{}"),
    ]
    assert calls == events[-3:-1]
    whole = first | {"function": {"name": "ls", "arguments": '{"a": null}'}, "index": 0}
    assert [whole, second | {"index": 1}] == getattr(events[-1], "message", {})["tool_calls"]


def test_early_tool_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    chunks = [
        chunk(call(None, id="1", function={"name": "ls", "arguments": "{"})),
        chunk(call(None, function={"arguments": "}"})),
        chunk(call(None, id="2", function={"name": "rm", "arguments": "{}"}), finish_reason="tool_calls"),
    ]
    assert [ToolCall(0, "1", "ls", "{}"), ToolCall(1, "2", "rm", "{}")] == streamed(stream(*chunks))[-3:-1]


def test_a_call_with_broken_arguments_is_for_who_runs_it_to_judge() -> None:
    broken = chunk(call(0, id="1", function={"name": "ls", "arguments": '{"a'}), finish_reason="tool_calls")
    assert ToolCall(0, "1", "ls", '{"a') == streamed(stream(broken))[-2]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", BadResponse, "no answer"),
        (b": comment\n\n", BadResponse, "no answer"),
        (stream(*SPLIT[:3]), BadResponse, "without a finish_reason"),
        (stream(*SPLIT)[:-500], BadResponse, "inside an event"),
        (stream(chunk({"content": "x"}, finish_reason=None)), BadResponse, "without a finish_reason"),
        (stream(chunk({"content": "x"}, finish_reason="")), BadResponse, "without a finish_reason"),
        (stream({"choices": None, "usage": None}), BadResponse, "no answer"),
        (stream({"choices": []}), BadResponse, "no answer"),
        (b"data: {not json}\n\n", BadResponse, "not JSON: {not json}"),
        (b"data: [1]\n\n", BadResponse, "not a JSON object"),
        (b'data: {"a": "\xff"}\n\n', BadResponse, "not UTF-8 at byte 7"),
        (b"data: " + b"[" * 200_000 + b"\n\n", BadResponse, "not JSON"),
        (
            stream({"error": {"message": "unknown error, 798 (1000)", "http_code": "500"}}),
            ServerError,
            "798 .1000.",
        ),
        (
            stream({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
            QuotaError,
            "rate limit .1002.",
        ),
        (stream(*SPLIT[:3], {"error": {"message": "invalid api key (2049)"}}), AuthError, "2049"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(body: bytes, error: type[MmpipeError], words: str) -> None:
    with pytest.raises(error, match=words):
        streamed(body)


def test_a_truncated_answer_may_be_asked_for_again_and_nonsense_not() -> None:
    for body, retryable in ((stream(*SPLIT[:3]), True), (b"data: x\n\n", False)):
        with pytest.raises(BadResponse) as caught:
            streamed(body)
        assert retryable is caught.value.retryable


@given(st.integers(0, len(stream(*SPLIT[:4])) - 3))
def test_no_beginning_of_a_stream_passes_for_an_answer(length: int) -> None:
    with pytest.raises(BadResponse):
        streamed(stream(*SPLIT)[:length])


@given(st.binary())
def test_bytes_of_any_kind_end_in_an_answer_or_in_our_error(body: bytes) -> None:
    for source in (body, b"data: " + body + b"\n\n"):
        with pytest.raises(MmpipeError):
            streamed(source)
        with pytest.raises(MmpipeError):
            list(decode(source))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["id", "choices", "usage", "error", "base_resp"]), JSON), JSON, JSON)
def test_fields_of_any_type_end_in_an_answer_or_in_our_error(
    body: dict[str, object], part: object, text: object
) -> None:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "delta": {"content": text, "tool_calls": part, "reasoning_details": part},
    }
    for candidate in (body, {"choices": [choice]}, {"choices": [{"message": part, "finish_reason": part}]}):
        for read in (streamed, lambda sent: list(decode(sent))):
            try:
                events = read(stream(candidate) if read is streamed else json.dumps(candidate).encode())
            except MmpipeError:
                continue
            assert isinstance(events[-1], Stop)


def test_an_answer_over_the_size_limit_is_refused() -> None:
    with pytest.raises(BadResponse, match="longer than 100 bytes"):
        list(StreamDecoder(limit=100).feed(stream(*SPLIT)))


def test_usage_with_explicit_caching_has_its_own_name() -> None:
    usage = {"total_tokens": 9, "prompt_tokens_details": {"cache_read_input_tokens": 7}}
    events = streamed(stream(chunk({"content": "x"}, finish_reason="stop"), {"choices": [], "usage": usage}))
    assert Usage(total_tokens=9, cached_tokens=7) == events[-2]


def test_a_second_detail_is_thinking_of_its_own() -> None:
    details = [DETAIL | {"index": index, "text": text} for index, text in enumerate(("First. ", "Second."))]
    chunks = [chunk({"reasoning_details": [detail]}) for detail in details]
    events = streamed(stream(*chunks, chunk({"content": "56"}, finish_reason="stop")))
    assert [Thinking("First. "), Thinking("Second.")] == [
        event for event in events if isinstance(event, Thinking)
    ]
    assert details == getattr(events[-1], "message", {})["reasoning_details"]


def test_calls_that_the_last_frame_repeats_are_called_once() -> None:
    calls = {"tool_calls": [{"id": "1", "function": {"name": "ls", "arguments": "{}"}, "index": 0}]}
    frame = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"content": "", **calls}}]}
    events = streamed(stream(chunk(calls), frame))
    assert [ToolCall(0, "1", "ls", "{}")] == [event for event in events if isinstance(event, ToolCall)]


def test_a_call_without_arguments_may_have_none() -> None:
    events = streamed(stream(chunk(call(0, id="1", function={"name": "ls"}), finish_reason="tool_calls")))
    assert ToolCall(0, "1", "ls", "") == events[-2]


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


def whole(**choice: object) -> bytes:
    return json.dumps({"id": "1", "choices": [{"index": 0, "finish_reason": "stop", **choice}]}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (whole(), "no message"),
        (whole(message=None), "no message"),
        (whole(message={"content": [{"type": "text", "text": "hi"}]}), "content is no text"),
        (whole(message={"content": 5}), "content is no text"),
        (whole(message={"content": "", "tool_calls": "nope"}), "no list of calls"),
        (whole(message={"content": ""}, finish_reason="tool_calls"), "no call in it"),
        (whole(message={"content": "a\ud800"}), "within a character"),
        (whole(message={"content": "a\ud800b"}), "half a character"),
        (whole(message={"content": "a"}).replace(b'"a"', b"NaN"), "not JSON"),
        (whole(message={"content": "a", "score": 0}).replace(b": 0}}", b": 1e999}}"), "not JSON"),
    ],
)
def test_what_cannot_be_understood_is_not_passed_off_as_an_empty_answer(body: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        list(decode(body))


def test_empty_deltas_are_no_progress() -> None:
    decoder = StreamDecoder()
    nothing: list[dict[str, object]] = [chunk({"content": ""}), {"choices": []}, chunk({"role": "assistant"})]
    for piece in nothing:
        list(decoder.feed(stream(piece)))
    assert 0 == decoder.progress
    list(decoder.feed(stream(chunk({"content": "x"}))))
    assert 1 == decoder.progress


def test_an_error_after_the_finish_is_an_error() -> None:
    with pytest.raises(ServerError, match="boom"):
        streamed(stream(*SPLIT[:4], {"error": {"message": "boom"}}))


def test_a_role_that_is_blanked_later_is_kept() -> None:
    chunks = [
        chunk({"content": "5", "role": "assistant"}),
        chunk({"content": "6", "role": ""}, finish_reason="stop"),
    ]
    assert Stop("stop", {"content": "56", "role": "assistant"}) == streamed(stream(*chunks))[-1]


def test_a_second_choice_is_not_mixed_into_the_first() -> None:
    body = {"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]}
    assert "56" == text_of(streamed(stream(body, chunk({"content": "56"}, finish_reason="stop"))))
