"""A streamed answer, joined by mmpipe, is the message of the unstreamed answer to the same request."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmpipe.api.answer.cumulative import StreamKind
from mmpipe.api.answer.wire import StreamDecoder, decode
from mmpipe.core.events import Event, Stop, ToolCall
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.endpoint import ReceivedRequest, respond
from mmpipe.simulator.headers import RequestTrace
from mmpipe.simulator.models import MODELS
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.steps import Send
from support.dialect_groups import DECODED
from support.simulator_client import SPLIT, STREAM, Json, ask_once, chat

TOOL: Json = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALLS = """sim:tool get_weather {"location": "Zürich 🙂", "days": [1, 2], "note": null}
sim:say I look at the weather,
then at the clock.
sim:tool get_time"""
PROMPTS = (CALLS, "sim:tool get_time", "sim:length 600", "sim:empty", "Why?")


def streamed(body: bytes, dialects: frozenset[Dialect]) -> list[Event]:
    # As with --pieces repeated: a few cumulative chunks are too few to be recognised, and their text is kept.
    kind = StreamKind.CUMULATIVE if Dialect.CUMULATIVE in dialects else StreamKind.UNKNOWN
    decoder = StreamDecoder(kind=kind)
    return [*decoder.feed(body), *decoder.close()]


def comparable(events: list[Event]) -> tuple[Event, list[Event]]:
    """Return the end of the answer, with its message, and the calls."""
    assert isinstance(events[-1], Stop)
    return events[-1], [event for event in events if isinstance(event, ToolCall)]


@pytest.mark.parametrize("way", [{}, SPLIT], ids=["native", "split"])
@pytest.mark.parametrize("dialect", DECODED)
@pytest.mark.parametrize("prompt", [CALLS, "Why?"], ids=["calls", "words"])
def test_streamed_and_unstreamed_answers_have_the_same_message(
    dialect: Dialect, way: Json, prompt: str
) -> None:
    # Two simulators of the same seed, so that the ids are the same too.
    bodies = [
        ask_once(chat(prompt, tools=[TOOL], **way, **wire), dialects=frozenset({dialect})).body
        for wire in ({}, STREAM)
    ]
    whole, stream = comparable(list(decode(bodies[0]))), comparable(streamed(bodies[1], frozenset({dialect})))
    assert whole == stream
    assert len(whole[1]) == (2 if prompt == CALLS else 0)


def answered(dialects: frozenset[Dialect], request: Json) -> bytes:
    raw = json.dumps(request).encode()
    incoming = ReceivedRequest("POST", "/v1/chat/completions", "Bearer any", raw)
    response = respond(incoming, SimulatorProfile(dialects=dialects), RequestTrace(0, 1, 0.0), admitted=True)
    return b"".join(step.data for step in response.steps if isinstance(step, Send))


@settings(deadline=None, database=None)
@given(
    st.frozensets(st.sampled_from(DECODED)),
    st.sampled_from(PROMPTS),
    st.sampled_from([*MODELS]),
    st.sampled_from([{}, SPLIT]),
)
def test_mixed_dialects_have_the_same_message(
    dialects: frozenset[Dialect], prompt: str, model: str, way: Json
) -> None:
    # Parts of one kind at a time do not repeat the whole content so far.
    assume(not {Dialect.CUMULATIVE, Dialect.PARTS} <= dialects)
    # A stream that was not asked for is read without --pieces.
    assume(not {Dialect.CUMULATIVE, Dialect.ALWAYS_STREAM} <= dialects)
    request = chat(prompt, model=model, tools=[TOOL], **way)
    whole, stream = answered(dialects, request), answered(dialects, request | STREAM)
    assert comparable(list(decode(whole))) == comparable(streamed(stream, dialects))
