"""Encode an answer as bytes, in the pieces in which they are sent."""

from collections.abc import Collection

from mmpipe.dataclass import dataclass
from mmpipe.simulator.deltas import make_cumulative
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.json_text import Json, encode
from mmpipe.simulator.shapes import (
    SimulatedTurn,
    build_body,
    build_chunks,
    build_g0_chunks,
    build_usage_chunk,
)
from mmpipe.simulator.steps import Send

EVENT_STREAM = "text/event-stream"
JSON = "application/json; charset=utf-8"
_PINGS = (
    b": ping - 2026-11-29 12:00:00+00:00\n\n"
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b"event: heartbeat\ndata: still here\n\n"
    b"data:\n\n"
)


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of an answer, and the places where a fault may break them."""

    content_type: str
    frames: tuple[Send, ...]
    """The events of a stream, or the two halves of an unstreamed body."""
    middle: int
    """The index of the first frame of the second half of the answer."""
    finished: int
    """The number of frames up to the one with the finish reason."""

    @property
    def is_stream(self) -> bool:
        """True for a stream of events."""
        return self.content_type == EVENT_STREAM

    @property
    def whole(self) -> Send:
        """The body in one piece."""
        return Send(b"".join(frame.data for frame in self.frames), sum(frame.tokens for frame in self.frames))


def encode_answer(turn: SimulatedTurn) -> Body:
    """Return a stream or an unstreamed body, as the request asks."""
    if turn.request.stream:
        return _stream(turn)
    return split_body(encode(build_body(turn)), sum(delta.tokens for delta in turn.deltas))


def split_body(data: bytes, produced: int = 0) -> Body:
    """Return an unstreamed body in two halves, so that it can be broken like a stream."""
    half = len(data) // 2
    return Body(JSON, (Send(data[:half], produced), Send(data[half:])), middle=1, finished=2)


def encode_event(data: bytes, dialects: Collection[Dialect] = frozenset()) -> bytes:
    """Encode one event of a stream."""
    pings = _PINGS if Dialect.PINGS in dialects else b""
    name = b"event: message\n" if Dialect.NAMED_EVENTS in dialects else b""
    event = pings + name + b"data: " + data + b"\n\n"
    if Dialect.CRLF in dialects:
        return (b": keep-alive\n\n" + event).replace(b"\n", b"\r\n")
    return event


def _stream(turn: SimulatedTurn) -> Body:
    sent = list(make_cumulative(turn.deltas)) if Dialect.CUMULATIVE in turn.dialects else turn.deltas
    produced = [delta.tokens for delta in turn.deltas]
    if Dialect.LAST_FRAME_MESSAGE in turn.dialects:
        events = build_g0_chunks(turn, sent)
        produced.append(0)
    else:
        events = build_chunks(turn, sent)
    finished = len(events)
    frames = [_send_chunk(turn, chunk, size) for chunk, size in zip(events, produced, strict=True)]
    return Body(EVENT_STREAM, (*frames, *_frames_after_finish(turn)), _index_of_middle(turn), finished)


def _frames_after_finish(turn: SimulatedTurn) -> list[Send]:
    elsewhere = {Dialect.LAST_FRAME_MESSAGE, Dialect.NO_USAGE, Dialect.USAGE_IN_CHOICE}
    has_usage = turn.request.include_usage and not elsewhere & set(turn.dialects)
    last = [_send_chunk(turn, build_usage_chunk(turn), 0)] if has_usage else []
    # MiniMax's own verifier calls the missing [DONE] a known bug (FACTS.md, "The end of a stream").
    return [*last, Send(encode_event(b"[DONE]", turn.dialects))] if Dialect.DONE in turn.dialects else last


def _send_chunk(turn: SimulatedTurn, chunk: Json, produced: int) -> Send:
    return Send(encode_event(encode(chunk), turn.dialects), produced)


def _index_of_middle(turn: SimulatedTurn) -> int:
    """Return the index of the delta halfway between the first piece of the answer and the last."""
    last = len(turn.deltas) - 1
    first = next((index for index, delta in enumerate(turn.deltas) if delta.answers), last)
    return (first + last + 1) // 2
