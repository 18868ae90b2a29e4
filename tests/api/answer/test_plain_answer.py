"""A whole answer that is read at once gives the events that the decoder of streams gives for it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.plain_answer import read_plain_answer
from mmpipe.api.answer.wire import decode
from mmpipe.api.response_head import RequestFacts, ResponseInfo
from mmpipe.core.events import Event, Start, Stop, Text, Thinking, Usage
from mmpipe.errors import MmpipeError

INFO = ResponseInfo(request_id="trace-1", request=RequestFacts(is_minimax=True))
DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "index": 0, "text": "Why."}
MESSAGE = {
    "content": "Because.",
    "role": "assistant",
    "name": "MiniMax AI",
    "audio_content": "",
    "reasoning_content": "Why.",
    "reasoning_details": [DETAIL],
}
CHOICE = {"finish_reason": "stop", "index": 0, "message": MESSAGE}
USAGE = {"total_tokens": 7, "prompt_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}}
ANSWER = {
    "id": "1",
    "choices": [CHOICE],
    "model": "MiniMax-M3",
    "usage": USAGE,
    "base_resp": {"status_code": 0, "status_msg": ""},
}


def some(fields: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[dict[str, object]]:
    """Two of these fields at most: an answer with many odd fields is never a plain one."""
    names = st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen}))


SOME_TEXT = st.text("ab<\n 好😀\ud83d", max_size=5)
ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, "", "x", 0, 1, True, 1.5, [], {}, [{}], {"type": "text", "text": "t"}, [None], 10**30]
)
CALL = {"id": "1", "function": {"name": "ls", "arguments": "{}"}}
CONTENTS = st.one_of(
    SOME_TEXT,
    st.lists(
        st.builds(
            lambda kind, text: {"type": kind, "text": text},
            st.sampled_from(["text", "thinking", "image"]),
            SOME_TEXT,
        ),
        max_size=3,
    ),
    ODD,
)
DETAILS = st.one_of(st.lists(st.builds(lambda text: DETAIL | {"text": text}, SOME_TEXT), max_size=2), ODD)
MESSAGES = st.builds(
    lambda fields: MESSAGE | fields,
    some(
        {
            "content": CONTENTS,
            "role": ODD,
            "reasoning_content": st.one_of(st.just("Why."), CONTENTS),
            "reasoning_details": DETAILS,
            "refusal": CONTENTS,
            "tool_calls": st.one_of(ODD, st.just([CALL])),
            "function_call": st.one_of(ODD, st.just(CALL["function"])),
            "usage": st.one_of(ODD, st.just(USAGE)),
            "weight": ODD,
        }
    ),
)
REASONS = st.sampled_from(
    ["stop", "STOP", "eos", "length", "tool_calls", "", "null", "content_filter", {"type": "stop"}, None, 1]
)
CHOICES = st.builds(
    lambda message, fields: CHOICE | {"message": message} | fields,
    MESSAGES,
    some(
        {
            "finish_reason": REASONS,
            "index": ODD,
            "delta": st.one_of(ODD, MESSAGES),
            "error": st.one_of(ODD, st.just({"message": "down"})),
            "message": st.one_of(ODD, MESSAGES),
            "usage": st.one_of(ODD, st.just(USAGE)),
            "text": SOME_TEXT,
        }
    ),
)
ANSWERS = st.builds(
    lambda choices, fields: ANSWER | {"choices": choices} | fields,
    st.one_of(*[st.lists(CHOICES, min_size=1, max_size=1)] * 3, st.lists(CHOICES, max_size=2), ODD),
    some(
        {
            "id": ODD,
            "model": ODD,
            "usage": st.one_of(ODD, st.just({"prompt_tokens": "3", "completion_tokens": 4})),
            "base_resp": st.sampled_from([None, {"status_code": 1002, "status_msg": "limit"}, {}]),
            "error": st.one_of(ODD, st.just({"message": "down"})),
            "service_tier": st.sampled_from([None, "standard", 1]),
            "x_groq": st.one_of(ODD, st.just({"usage": USAGE})),
            "detail": ODD,
        }
    ),
)


def as_body(answer: object, *, escaped: bool = True, indent: int | None = None) -> bytes:
    return json.dumps(answer, ensure_ascii=escaped, indent=indent).encode(errors="surrogatepass")


def decoded(body: bytes) -> list[Event] | None:
    """The events of the decoder of streams; None if it refuses the answer."""
    try:
        return [*decode(body, INFO)]
    except MmpipeError:
        return None


def same(events: list[Event] | None) -> str:
    """All fields of the events, also those that a comparison leaves out."""
    return repr(events)


@pytest.mark.laws
@given(
    ANSWERS,
    st.booleans(),
    st.sampled_from([None, 0, 2]),
    st.sampled_from([b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"]),
)
def test_an_answer_that_is_read_at_once_has_the_events_of_the_decoder(
    answer: object, escaped: bool, indent: int | None, space: bytes
) -> None:
    body = space + as_body(answer, escaped=escaped, indent=indent) + space.strip(b"\xef\xbb\xbf")
    events = read_plain_answer(body, INFO)
    assert events is None or same(events) == same(decoded(body))


@pytest.mark.laws
@given(st.data())
def test_a_body_that_was_cut_or_damaged_is_never_read_at_once_as_another_answer(data: st.DataObject) -> None:
    body = bytearray(as_body(ANSWER))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"{", b"\n", b"\n\n", b"data: ", b"\xff", b"}", b",", b"1"])
        )
    events = read_plain_answer(bytes(body), INFO)
    assert events is None or same(events) == same(decoded(bytes(body)))


def test_an_answer_of_minimax_is_read_at_once() -> None:
    assert read_plain_answer(as_body(ANSWER), INFO) == [
        Start("1", "MiniMax-M3", "trace-1"),
        Thinking("Why."),
        Text("Because."),
        Usage(4, None, 7, 2),
        Stop("stop", MESSAGE),
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(as_body(ANSWER | {"choices": [CHOICE, CHOICE]}), id="two choices"),
        pytest.param(as_body(ANSWER | {"choices": [CHOICE | {"finish_reason": "length"}]}), id="cut off"),
        pytest.param(
            as_body(ANSWER | {"choices": [CHOICE | {"message": MESSAGE | {"tool_calls": [CALL]}}]}),
            id="a call",
        ),
        pytest.param(as_body(ANSWER | {"choices": [CHOICE | {"delta": MESSAGE}]}), id="a delta"),
        pytest.param(as_body(ANSWER | {"choices": [CHOICE | {"error": "down"}]}), id="a failed choice"),
        pytest.param(as_body(ANSWER | {"choices": [CHOICE | {"message": {"content": "x"}}]}), id="no role"),
        pytest.param(as_body(ANSWER | {"error": {"message": "down"}}), id="an error"),
        pytest.param(as_body(ANSWER | {"deep": [[[{}] * 200]] * 2}), id="many brackets"),
        pytest.param(as_body(ANSWER | {"long": "x" * 2**17}), id="long"),
        pytest.param(b"data: " + as_body(ANSWER), id="a stream"),
        pytest.param(b"[" + as_body(ANSWER) + b"]", id="an array"),
        pytest.param(b"", id="empty"),
    ],
)
def test_any_other_body_is_left_to_the_decoder(body: bytes) -> None:
    assert read_plain_answer(body, INFO) is None
