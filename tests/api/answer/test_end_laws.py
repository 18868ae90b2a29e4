"""Status 0 means that the answer is whole, whatever a server sends after a finish reason and wherever its stream is cut.

A connection that a clock ends is judged as one that was cut there: `close` of the decoder sees the same bytes.
"""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.api.answer.wire import StreamDecoder
from mmpipe.core.reply import Reply, reply_error
from mmpipe.errors import MmpipeError
from support.fault_server import Script
from support.server_shapes.shape import Shape
from support.server_shapes.table import SHAPES

pytestmark = pytest.mark.laws

REASONS = st.sampled_from(
    [
        None, "", "null", "stop", "eos_token", "end_turn", "tool_calls", "length", "MAX_TOKENS", "content_filter",
        "error", "weird",
    ]
)  # fmt: skip
FIELDS = st.sampled_from(["content", "reasoning_content", "reasoning", "refusal", "arguments", "nothing"])
# What brings no part of an answer.
FRAMES = st.sampled_from(
    [
        b"data: [DONE]\n\n",
        b": ping\n\n",
        b"retry: 3\n\n",
        b"data: {oops\n\n",
        b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n',
        b'data: {"choices":[{"index":0,"delta":{}}],"usage":{"total_tokens":3}}\n\n',
        b'data: {"error":null,"choices":[]}\n\n',
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, dict[str, int]]:
    """A stream that may go on after each finish reason; the words in it, with the places of their first characters."""
    stream, words = b"", dict[str, int]()
    for number in range(draw(st.integers(1, 5))):
        field, reason, word = draw(FIELDS), draw(REASONS), f"<{number}>"
        delta: dict[str, object] = {} if field == "nothing" else {field: word}
        if field == "arguments":
            function = {"name": "ls", "arguments": json.dumps({"a": word})}
            delta = {"tool_calls": [{"index": number, "id": str(number), "function": function}]}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        sent = b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n"
        if field != "nothing":
            words[word] = len(stream) + sent.index(word.encode())
        stream += sent + b"".join(draw(st.lists(FRAMES, max_size=2)))
    return stream, words


def judged(stream: bytes) -> tuple[int, Reply]:
    """The exit status of an answer whose connection ends after `stream`, and the reply."""
    decoder, reply = StreamDecoder(), Reply()
    try:
        for event in decoder.feed(stream):
            reply.add(event)
        for event in decoder.close():
            reply.add(event)
    except MmpipeError as error:
        return error.status, reply
    doubt = reply_error(reply)
    return (0 if doubt is None else doubt.status), reply


def brought(reply: Reply) -> str:
    """All that the reply holds, as text."""
    arguments = [call.arguments for call in reply.tool_calls]
    return "".join((*reply.thoughts, *reply.texts, *arguments))


@given(streams(), st.integers(0, 1200) | st.just(10**6))
def test_what_follows_a_finish_reason_is_in_the_output_or_the_status_is_not_0(
    sent: tuple[bytes, dict[str, int]], length: int
) -> None:
    stream, words = sent
    status, reply = judged(stream[:length])
    if status == 0:
        assert [] == [word for word, place in words.items() if place < length and word not in brought(reply)]


def body_of(shape: Shape) -> bytes:
    """The body of the first response, if it is a stream with a good answer; else nothing."""
    script = shape.sent if isinstance(shape.sent, Script) else shape.sent[0]
    head, _, body = b"".join(script.pieces).partition(b"\r\n\r\n")
    return body if b"event-stream" in head and b"chunked" not in head and judged(body)[0] == 0 else b""


STREAMS = {name: body for name, shape in SHAPES.items() if (body := body_of(shape))}
TEXT = re.compile(rb'"(?:content|text|refusal|arguments|reasoning\w*|thinking)"\s*:\s*"[^"]')
REASON = re.compile(rb'"finish_reason"\s*:\s*"(?!null")[^"\s]')


@pytest.mark.parametrize("name", STREAMS)
def test_no_cut_of_a_stream_of_the_table_passes_for_the_whole_answer(name: str) -> None:
    """Where a server puts a reason into a chunk before the last, a cut at the border of two events cannot be seen.

    Such a cut, and one that shows nothing of a text yet, must still have lost nothing that was sent before it.
    """
    body = STREAMS[name]
    whole = brought(judged(body)[1])
    for length in range(len(body)):
        begun = body[:length]
        status, reply = judged(begun)
        if status == 0 and brought(reply) != whole:
            shown = brought(reply)
            assert REASON.search(begun), begun[-80:]
            assert whole.startswith(shown), begun[-80:]
            *events, last = begun.split(b"\n\n")
            if judged(b"\n\n".join(events) + b"\n\n") == (status, reply):
                assert not TEXT.search(last), begun[-80:]
