"""A stream gives the same events, or the same error after them, at every cut and for every content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.events import Event, Start, Stop, Text, Thinking, ToolCall, Usage
from mmpipe.errors import MmpipeError
from support.piece_cuts import PLACES, cut

pytestmark = pytest.mark.laws

PIECES = st.text('ab<好\u2028\0"\\ 😀', max_size=5)
CALL = {"index": 0, "id": "1", "function": {"name": "ls", "arguments": "{}"}}
DELTAS = st.one_of(
    st.fixed_dictionaries({}, optional={"content": PIECES, "role": st.just("assistant")}),
    st.builds(lambda text: {"reasoning_content": text}, PIECES),
    st.just({"tool_calls": [CALL]}),
    st.none(),
)
CHUNKS = st.one_of(
    st.builds(lambda delta: {"id": "1", "model": "M", "choices": [{"index": 0, "delta": delta}]}, DELTAS),
    st.just({"choices": [], "usage": {"total_tokens": 3}}),
    st.just({"choices": None, "base_resp": {"status_code": 0, "status_msg": ""}}),
)
LAST = {"choices": [{"index": 0, "delta": {"content": "."}, "finish_reason": "stop"}]}
TROUBLE = st.sampled_from(
    [
        b"data: [DONE]\n\n",
        b"data: {broken\n\n",
        b'data: {"error": {"message": "down (1000)"}}\n\n',
        b": comment\n\n",
        b"retry: 1\n\n",
        b"data: \xff\n\n",
        b"\r",
        b"data: 1\n",
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream: mostly an answer, perhaps with an error in it, perhaps without its end."""
    ends = st.sampled_from(["\n\n", "\r\n\r\n", "\r\r"])
    chunks = [*draw(st.lists(CHUNKS, max_size=6)), LAST]
    frames = [
        f"data: {json.dumps(chunk, ensure_ascii=draw(st.booleans()))}{draw(ends)}".encode()
        for chunk in chunks
    ]
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), draw(TROUBLE))
    stream = b"".join(frames)
    return stream[: draw(st.integers(0, len(stream)))] if draw(st.booleans()) else stream


def outcome(stream: bytes, places: list[int]) -> tuple[list[Event], tuple[type[MmpipeError], str] | None]:
    """Return the events, and the error that ended them."""
    decoder, events = StreamDecoder(), list[Event]()
    try:
        for piece in cut(stream, places):
            events += decoder.feed(piece)
        events += decoder.close()
    except MmpipeError as error:
        return events, (type(error), error.message)
    return events, None


@pytest.mark.slow
@given(streams(), PLACES)
def test_the_cuts_of_a_stream_change_neither_its_events_nor_its_error(
    stream: bytes, places: list[int]
) -> None:
    assert outcome(stream, places) == outcome(stream, list(range(len(stream))))


@given(streams(), PLACES)
def test_an_answer_has_one_beginning_one_end_and_all_its_text_in_its_message(
    stream: bytes, places: list[int]
) -> None:
    events, error = outcome(stream, places)
    if error is not None:
        assert not any(isinstance(event, Stop) for event in events)
        return
    first, *between, last = events
    assert isinstance(first, Start)
    assert isinstance(last, Stop)
    assert all(isinstance(event, Text | Thinking | ToolCall | Usage) for event in between)
    text = "".join(event.text for event in events if isinstance(event, Text))
    assert text == last.message["content"]
    thinking = "".join(event.text for event in events if isinstance(event, Thinking))
    assert thinking == last.message.get("reasoning_content", "")
