"""The bytes of the service become events; an incomplete answer becomes an error. Shapes: api/FACTS.md."""

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.answer_end import LINGER, LINGER_AT_FIRST
from mmpipe.api.answer.wire import StreamDecoder, decode
from mmpipe.api.response_head import RequestFacts, ResponseInfo
from mmpipe.core.events import Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.errors import AuthError, BadResponse, MmpipeError, QuotaError, ServerError
from support.sse_streams import USAGE, call, chunk, stream, streamed, text_of, thought

FLAGS = {"role": "assistant", "name": "MiniMax AI", "audio_content": ""}


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
    for size in (1, 10**6):
        assert EVENTS == streamed(stream(*SPLIT) + end, size)


@pytest.mark.parametrize("missing", [1, 2])
def test_the_last_event_may_lack_its_blank_line(missing: int) -> None:
    assert EVENTS == streamed(stream(*SPLIT)[:-missing])


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


@pytest.mark.parametrize("delta", [{}, None, {"content": ""}])
def test_the_last_frame_may_complete_the_text(delta: object) -> None:
    last = {"content": "56", "role": "assistant"}
    choice = {"index": 0, "finish_reason": "stop", "delta": delta, "message": last}
    events = streamed(stream(chunk({"content": "5"}), {"choices": [choice]}))
    assert [Text("5"), Text("6"), Stop("stop", last)] == events[1:]


def test_a_message_that_comes_again_keeps_the_fields_of_the_first() -> None:
    first = {"content": "56", "role": "assistant", "name": "A"}
    again = {"index": 0, "finish_reason": "stop", "message": {"content": "56", "role": "assistant"}}
    events = streamed(stream({"choices": [{"index": 0, "message": first}]}, {"choices": [again]}))
    assert ("56", Stop("stop", first)) == (text_of(events), events[-1])


def test_the_beginning_of_an_answer_says_if_the_host_is_of_minimax() -> None:
    for is_minimax in (True, False):
        decoder = StreamDecoder(ResponseInfo(request=RequestFacts(is_minimax=is_minimax)))
        start = next(iter(decoder.feed(stream(chunk({"content": "5"})))))
        assert is_minimax is getattr(start, "of_minimax", None)


@pytest.mark.parametrize(
    ("chunks", "pause"),
    [
        # Some servers put a reason into every chunk.
        ([chunk({"content": "5"}, finish_reason="stop")], LINGER_AT_FIRST),
        ([chunk({"content": "5"}), chunk({}, finish_reason="stop")], LINGER),
        ([chunk({"content": "5"}), chunk({"content": "6"}, finish_reason="stop")], LINGER),
        ([chunk({"content": "5"}, finish_reason="stop"), USAGE], LINGER),
        ([chunk({"content": "5"}, finish_reason="stop") | {"usage": USAGE["usage"]}], LINGER_AT_FIRST),
        ([chunk({"content": "5"})], math.inf),
    ],
)
def test_a_pause_after_the_reason_is_the_end_sooner_if_more_proves_it(
    chunks: list[dict[str, object]], pause: float
) -> None:
    decoder = StreamDecoder()
    list(decoder.feed(stream(*chunks)))
    assert pause == decoder.longest_pause


def test_a_text_alone_after_the_end_is_a_note_and_before_it_an_error() -> None:
    note = {"message": "see you"}
    assert EVENTS[-1] == streamed(stream(*SPLIT, note))[-1]
    with pytest.raises(ServerError, match="see you"):
        streamed(stream(*SPLIT[:3], note, *SPLIT[3:]))


def test_each_piece_of_a_whole_answer_is_progress() -> None:
    decoder, body = StreamDecoder(), whole(message={"content": "56"})
    for times, at in enumerate(range(0, 30, 10), 1):
        list(decoder.feed(body[at : at + 10]))
        assert times == decoder.progress


def test_the_streamed_text_wins_over_a_different_last_frame() -> None:
    frame = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "75 or more"}}]}
    assert "56" == text_of(streamed(stream(chunk({"content": "5"}), chunk({"content": "6"}), frame)))


def test_the_text_of_a_cumulative_stream_is_emitted_once() -> None:
    answer = "The sky is blue because of the air, which scatters short waves more than long ones."
    chunks = [chunk({"content": answer[:end]}) for end in (3, 40, 60)]
    events = streamed(stream(*chunks, chunk({"content": answer}, finish_reason="stop")))
    assert answer == text_of(events)
    assert answer == getattr(events[-1], "message", {})["content"]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", BadResponse, "^the service sent an empty answer$"),
        (b": comment\n\n", BadResponse, "no answer"),
        (stream(*SPLIT[:3]), BadResponse, "truncated: it ends without a finish_reason$"),
        (stream(*SPLIT)[:-500], BadResponse, "truncated: it ends inside an event$"),
        (stream(chunk({"content": "x"}, finish_reason=None)), BadResponse, "without a finish_reason"),
        (stream(chunk({"content": "x"}, finish_reason="")), BadResponse, "without a finish_reason"),
        (stream({"choices": None, "usage": None}), BadResponse, "no answer"),
        (stream({"choices": []}), BadResponse, "no answer"),
        (b"data: {not json}\n\n", BadResponse, "not JSON: {not json}"),
        (b"data: [1]\n\n", BadResponse, "^the response of the service is not a JSON object$"),
        (b"data:\n\n", BadResponse, "holds no answer$"),
        (b"data: ping\n\n", BadResponse, "not JSON: ping$"),
        (b"event: ping\ndata: a\ndata: {broken\n\n", BadResponse, "not JSON: a {broken$"),
        (b'event: chunk\ndata: {"choices":\n\n', BadResponse, "not JSON"),
        (b"Not Found\n", BadResponse, "^the service sent something else instead of an answer: Not Found$"),
        (b"error: it is broken\n", ServerError, "it is broken"),
        (b"error:\n", ServerError, "no reason given"),
        (b'data: {"a": 1}{"b":\n\n', BadResponse, "not JSON"),
        (b'data: {"a": "\xff"}{"b": 1}\n\n', BadResponse, "not UTF-8"),
        (b"event: ping\n" + b"data:\n" * 200_000 + b"data: x\n\n", BadResponse, "holds no answer"),
        (b"data: {}" + b" " * 500_000 + b"x\n\n", BadResponse, "not JSON"),
        (b"event: failover\ndata: x\n\n", BadResponse, "holds no answer"),
        (b"error\n", BadResponse, "instead of an answer: error$"),
        (b"event: error\ndata: {}\n\n", ServerError, "no reason given"),
        (b'event: exception\ndata: {"message": "odd"}\n\n', ServerError, "odd"),
        (b': ping\n\n{"error": {"message": "down (1000)"}}', ServerError, "down"),
        (
            b'{"choices": [{"index": 0, "message": {"content": "fi',
            BadResponse,
            "truncated: it ends inside an event$",
        ),
        (b"data: {" + "ö".encode() * 999 + b"\n\n", BadResponse, "not JSON: {öö"),
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
def test_an_incomplete_answer_is_an_error(body: bytes, error: type[MmpipeError], words: str) -> None:
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


@pytest.mark.slow
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
    body = stream(*SPLIT)
    decoder = StreamDecoder(limit=len(body))
    assert EVENTS[1:-2] == [*decoder.feed(body[:100]), *decoder.feed(body[100:])][1:]
    with pytest.raises(BadResponse, match=f"longer than {len(body)} bytes"):
        list(decoder.feed(b"\n"))


def whole(**choice: object) -> bytes:
    return json.dumps({"id": "1", "choices": [{"index": 0, "finish_reason": "stop", **choice}]}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (whole(), "^the response of the service holds no message$"),
        (whole(message=None), "no message"),
        (whole(message={"content": 5}), "content is not text: 5"),
        (whole(message={"content": "", "tool_calls": "nope"}), "not a list of calls"),
        (whole(message={"content": ""}, finish_reason="tool_calls"), "no tool call"),
        (whole(message={"content": "a"}).replace(b'"a"', b"NaN"), "not JSON"),
        (whole(message={"content": "a", "score": 0}).replace(b": 0}}", b": 1e999}}"), "not JSON"),
    ],
)
def test_an_unknown_body_is_an_error_and_no_empty_answer(body: bytes, words: str) -> None:
    with pytest.raises(BadResponse, match=words):
        list(decode(body))


@pytest.mark.parametrize("body", [whole(message={"tool_calls": "x" * 9999}), b"x" * 9999])
def test_the_quote_of_an_unknown_body_is_short(body: bytes) -> None:
    with pytest.raises(BadResponse, match="xxx") as caught:
        list(decode(body))
    assert len(caught.value.message) < 140


@pytest.mark.parametrize("something", [chunk({"content": "x"}), chunk(call(0, function={"arguments": "["}))])
def test_empty_deltas_are_no_progress_and_all_else_is(something: dict[str, object]) -> None:
    decoder = StreamDecoder()
    nothing: list[dict[str, object]] = [chunk({"content": ""}), {"choices": []}, chunk({"role": "assistant"})]
    for piece in nothing:
        list(decoder.feed(stream(piece)))
    assert 0 == decoder.progress
    for times in (1, 2, 3):
        list(decoder.feed(stream(something)))
        assert times == decoder.progress


def test_a_finish_reason_is_progress_once_after_each_part() -> None:
    decoder, end = StreamDecoder(), stream(chunk({"content": ""}, finish_reason="stop"))
    progress = []
    for piece in (end, end, stream(chunk({"content": "x"})), end, end):
        list(decoder.feed(piece))
        progress.append(decoder.progress)
    assert [1, 1, 2, 3, 3] == progress


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
    first = {"delta": {"content": "56"}, "finish_reason": "stop"}
    second = {"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}
    for chunks in ([[first], [second]], [[second, first]], [[first, second]], [[None, first | {"index": 0}]]):
        assert [Start("", "", "trace"), Text("56")] == streamed(
            stream(*({"choices": choices} for choices in chunks))
        )[:-1]


@pytest.mark.parametrize("index", [0, "0", None, 1, "1", -1, 7, "x"])
def test_an_answer_under_any_index_is_the_answer(index: object) -> None:
    choices = [{"index": index, "delta": {"content": part}, "finish_reason": None} for part in "56"]
    choices[-1]["finish_reason"] = "stop"
    assert "56" == text_of(streamed(stream(*({"choices": [choice]} for choice in choices))))


@pytest.mark.parametrize(
    "choice", ["lost", ["lost"], 7, {"delta": ["lost"]}, {"delta": "lost"}, {"message": "lost"}, {"message": ["lost"]}]
)  # fmt: skip
def test_a_choice_or_a_delta_that_is_no_object_is_an_error(choice: object) -> None:
    chunks = [chunk({"content": "5"}), {"choices": [choice]}, chunk({}, finish_reason="stop")]
    with pytest.raises(BadResponse, match=r"is not an object: .*(lost|7)"):
        streamed(stream(*chunks))


@pytest.mark.parametrize("choices", ["lost", {"lost": 1}, 7])
def test_choices_that_are_no_list_are_an_error(choices: object) -> None:
    with pytest.raises(BadResponse, match=r"choices is not a list: .*(lost|7)"):
        streamed(stream(chunk({"content": "5"}, finish_reason="stop"), {"choices": choices}))


@pytest.mark.parametrize("nothing", [None, [], ""])
def test_nothing_in_place_of_a_choice_or_a_delta_is_nothing(nothing: object) -> None:
    chunks = [
        {"choices": [None, {"index": 0, "delta": nothing}]},
        chunk({"content": "5"}, finish_reason="stop"),
    ]
    assert "5" == text_of(streamed(stream(*chunks)))


def test_the_text_of_an_old_completion_is_the_answer() -> None:
    choices = [{"index": 0, "text": part, "finish_reason": None} for part in ("5", "6", "")]
    choices[-1]["finish_reason"] = "stop"
    assert "56" == text_of(streamed(stream(*({"choices": [choice]} for choice in choices))))
    whole_body = {"choices": [{"text": "56", "index": 0, "logprobs": None, "finish_reason": "stop"}]}
    assert "56" == text_of(list(decode(json.dumps(whole_body).encode())))


def test_of_a_field_that_is_not_known_the_latest_value_counts() -> None:
    chunks = [chunk({"name": "A", "x": 1}), chunk({"name": "B", "content": "5"}, finish_reason="stop")]
    message = {"content": "5", "name": "B", "x": 1, "role": "assistant"}
    assert Stop("stop", message) == streamed(stream(*chunks))[-1]


def test_the_message_of_a_whole_answer_is_handed_on_exactly_as_it_came() -> None:
    for message in (
        {"content": "56", "role": "assistant"},
        {"content": None, "role": "x", "reasoning_content": "hm"},
        {"reasoning_details": [7], "content": "56", "role": "assistant"},
    ):
        assert Stop("stop", message) == list(decode(whole(message=message)))[-1]


@pytest.mark.parametrize("role", [{}, {"role": ""}, {"role": None}, {"role": 7}])
def test_a_message_without_a_role_is_from_the_assistant(role: dict[str, object]) -> None:
    expected = Stop("stop", {"content": "56", "role": "assistant"})
    assert expected == list(decode(whole(message={"content": "56", **role})))[-1]
    assert expected == streamed(stream(chunk({"content": "56", **role}, finish_reason="stop")))[-1]


def test_an_answer_starts_with_its_first_part_so_that_a_failure_before_it_leaves_no_output() -> None:
    decoder = StreamDecoder()
    assert [] == list(decoder.feed(stream(chunk({"role": "assistant", "content": ""}))))
    assert [Start("0700", "MiniMax-M2.7"), Text("5")] == list(decoder.feed(stream(chunk({"content": "5"}))))
    with pytest.raises(ServerError):
        streamed(stream(chunk({"role": "assistant"}), chunk({}, finish_reason="error")))


def test_calls_alone_come_after_the_start() -> None:
    start, found, _ = streamed(stream(chunk(call(0, id="1", function={"name": "f"}), finish_reason="stop")))
    assert Start("0700", "MiniMax-M2.7", "trace") == start
    assert isinstance(found, ToolCall)


@pytest.mark.parametrize(
    ("failure", "reason", "http"),
    [
        ({"code": 502, "message": "upstream"}, "upstream", 502),
        ({"code": 400, "message": "x"}, "x", 400),
        ({"code": 599, "message": "x"}, "x", 599),
        ({"code": 399, "message": "x"}, "x", None),
        ({"code": 600, "message": "x"}, "x", None),
        ({"code": True, "message": "x"}, "x", None),
        ({"code": 500.0, "message": "x"}, "x", None),
        ("broken", "broken", None),
        ({}, "no reason given", None),
        (None, "no reason given", None),
    ],
)
def test_a_choice_that_failed_names_its_reason_and_may_be_retried(
    failure: object, reason: str, http: int | None
) -> None:
    last = chunk({}, finish_reason="error", error=failure)
    with pytest.raises(ServerError) as caught:
        streamed(stream(chunk({"content": "a"}), last))
    error = caught.value
    assert f"the service failed within the answer (error): {reason}; retry later" == error.message
    assert (http, True) == (error.http, error.retryable)


def test_a_body_that_is_no_answer_is_quoted() -> None:
    for kind, body, message, again in (
        (
            "text/html",
            b"<b>Welcome</b>",
            "the service sent text/html instead of an answer: <b>Welcome</b>",
            False,
        ),
        ("", b"Welcome", "the service sent something else instead of an answer: Welcome", False),
        ("text/event-stream", b" \n", "the service sent an empty answer", True),
        # Of proxies that give every body the type that was asked for.
        (
            "application/json",
            b"<html>Log in",
            "the service sent a page instead of an answer: <html>Log in",
            False,
        ),
        (
            "",
            b"\xef\xbb\xbf<!DOCTYPE html>",
            "the service sent a page instead of an answer: <!DOCTYPE html>",
            False,
        ),
        (
            "application/json",
            b"Welcome",
            "the service sent text that is not JSON instead of an answer: Welcome",
            False,
        ),
    ):
        decoder = StreamDecoder(content_type=kind)
        with pytest.raises(BadResponse) as caught:
            list(itertools.chain(decoder.feed(body), decoder.close()))
        assert (message, again) == (caught.value.message, caught.value.retryable)


def test_chunks_without_a_line_between_them_and_the_done_marker_behind_them_are_read() -> None:
    first, last = (
        json.dumps(part).encode()
        for part in (chunk({"content": "a"}), chunk({"content": "b"}, finish_reason="stop"))
    )
    for run in (first + last, first + b" " + last + b" data: [DONE]", first + last + b"[DONE] "):
        assert "ab" == text_of(streamed(b"data: " + run + b"\n\n"))
    with pytest.raises(BadResponse, match="is not JSON"):
        streamed(b"data: " + first + b"x" + last + b"\n\n" + stream(chunk({"content": "c"})))
