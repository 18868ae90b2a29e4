"""Write an answer as bytes, in the pieces in which they are sent."""

from collections.abc import Collection
from dataclasses import dataclass

from mmpipe.simulator.deltas import repeat_so_far
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.json_text import Json, encode
from mmpipe.simulator.shapes import Turn, chunks, first_generation, usage_chunk, whole_body
from mmpipe.simulator.steps import Send

EVENT_STREAM = "text/event-stream"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a good answer, and where a fault may break them."""

    content_type: str
    frames: tuple[Send, ...]
    """The events of a stream, or the two halves of a whole body."""
    middle: int
    """The frame before which half the answer was sent."""
    finished: int
    """How many frames there are up to the one that finishes."""

    @property
    def is_stream(self) -> bool:
        """Whether this is a stream of events."""
        return self.content_type == EVENT_STREAM

    @property
    def whole(self) -> Send:
        """All of it at once."""
        return Send(b"".join(frame.data for frame in self.frames), sum(frame.tokens for frame in self.frames))


def body_of(turn: Turn) -> Body:
    """Return what the request asked for: a stream, or a whole body."""
    if turn.request.stream:
        return _stream(turn)
    return halved(encode(whole_body(turn)), sum(delta.tokens for delta in turn.deltas))


def halved(data: bytes, produced: int = 0) -> Body:
    """Return a whole body, in two halves so that it can be broken like a stream."""
    half = len(data) // 2
    return Body(JSON, (Send(data[:half], produced), Send(data[half:])), middle=1, finished=2)


def event(data: bytes, dialects: Collection[Dialect] = frozenset()) -> bytes:
    """Write one event of a stream."""
    if Dialect.CRLF in dialects:
        return b": keep-alive\r\n\r\ndata: " + data + b"\r\n\r\n"
    return b"data: " + data + b"\n\n"


def _stream(turn: Turn) -> Body:
    sent = list(repeat_so_far(turn.deltas)) if Dialect.CUMULATIVE in turn.dialects else turn.deltas
    produced = [delta.tokens for delta in turn.deltas]
    if Dialect.LAST_FRAME_MESSAGE in turn.dialects:
        events = first_generation(turn, sent)
        produced.append(0)
    else:
        events = chunks(turn, sent)
    finished = len(events)
    frames = [_send(turn, chunk, size) for chunk, size in zip(events, produced, strict=True)]
    return Body(EVENT_STREAM, (*frames, *_end(turn)), _middle(turn), finished)


def _end(turn: Turn) -> list[Send]:
    counted = turn.request.include_usage and not {Dialect.LAST_FRAME_MESSAGE, Dialect.NO_USAGE} & set(
        turn.dialects
    )
    last = [_send(turn, usage_chunk(turn), 0)] if counted else []
    # MiniMax's own verifier calls the missing [DONE] a known bug.
    return [*last, Send(event(b"[DONE]", turn.dialects))] if Dialect.DONE in turn.dialects else last


def _send(turn: Turn, chunk: Json, produced: int) -> Send:
    return Send(event(encode(chunk), turn.dialects), produced)


def _middle(turn: Turn) -> int:
    """Return the delta halfway between the first piece of the answer and the last."""
    last = len(turn.deltas) - 1
    first = next((index for index, delta in enumerate(turn.deltas) if delta.answers), last)
    return (first + last + 1) // 2
