"""Break an answer as a fault asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from mmpipe.simulator.bodies import Body
from mmpipe.simulator.faults import FaultKind
from mmpipe.simulator.steps import Drop, Send, Stall, Step, Wait
from mmpipe.text.utf8 import BOM

_BYTE_S = 0.001
_NOT_UTF8 = b"\xc3("
_TEXTS = (b'"content":"', b'"text":"', b'"id":"')
"""The beginning of a text: in an answer, in a part of one, and in the list of models, which has only ids."""

Breaker: TypeAlias = Callable[[Body], Iterable[Step]]


def break_body(body: Body, kind: FaultKind | None) -> Iterable[Step]:
    """Return the steps that send the body: whole, or broken by a fault of such a kind."""
    breaker = _BREAKERS.get(kind) if kind else None
    if breaker:
        return breaker(body)
    return body.frames if body.is_stream else (body.whole,)


def content_length_of(body: Body, kind: FaultKind | None) -> int | None:
    """Return the Content-Length; None for a stream, and for faults that change the length."""
    if body.is_stream or (
        kind in _BREAKERS and kind not in {FaultKind.CUT, FaultKind.RESET, FaultKind.HANG_MID}
    ):
        return None
    return len(body.whole.data)


def _first_half(body: Body) -> tuple[Send, ...]:
    return body.frames[: body.middle]


def _cut_in_frame(body: Body) -> Iterator[Step]:
    yield from _first_half(body)
    frame = body.frames[body.middle]
    yield replace(frame, data=frame.data[: len(frame.data) // 2])


def _cut(body: Body) -> Iterator[Step]:
    yield from _cut_in_frame(body)
    yield Drop()


def _reset(body: Body) -> Iterator[Step]:
    yield from _cut_in_frame(body)
    yield Drop(reset=True)


def _hang_mid(body: Body) -> Iterator[Step]:
    yield from _first_half(body)
    yield Stall()


def _hang_end(body: Body) -> Iterator[Step]:
    yield from body.frames[: body.finished]
    yield Stall()


def _bad_utf8(body: Body) -> Iterator[Step]:
    text = next((text for text in _TEXTS if text in body.whole.data), _TEXTS[0])
    # In the middle of a stream, if that is text; the text of an unstreamed body begins in the first half.
    damaged = next((index for index in (body.middle, 0) if text in body.frames[index].data), 0)
    for index, frame in enumerate(body.frames):
        data = frame.data.replace(text, text + _NOT_UTF8, 1) if index == damaged else frame.data
        yield replace(frame, data=data)


def _bad_json(body: Body) -> Iterator[Step]:
    yield from _first_half(body)
    yield Send(b"data: {not JSON}\n\n" if body.is_stream else b"{not JSON}")
    yield from body.frames[body.middle + 1 :]


def _slow(body: Body) -> Iterator[Step]:
    for frame in body.frames:
        for byte in frame.data:
            yield Send(bytes([byte]))
            yield Wait(_BYTE_S)


def _bom(body: Body) -> Iterator[Step]:
    yield Send(BOM)
    yield from body.frames


def _retry_lines(body: Body) -> Iterator[Step]:
    lines = [Send(b"retry: 1\n\n"), Send(b"id: x\n\n")] if body.is_stream else []
    yield from lines
    yield from _first_half(body)
    yield from lines
    yield from body.frames[body.middle :]


_BREAKERS: Mapping[FaultKind, Breaker] = MappingProxyType(
    {
        FaultKind.CUT: _cut,
        FaultKind.CUT_AT_FRAME: _first_half,
        FaultKind.RESET: _reset,
        FaultKind.HANG_MID: _hang_mid,
        FaultKind.HANG_END: _hang_end,
        FaultKind.BAD_UTF8: _bad_utf8,
        FaultKind.BAD_JSON: _bad_json,
        FaultKind.SLOW: _slow,
        FaultKind.BOM: _bom,
        FaultKind.RETRY_LINES: _retry_lines,
    }
)
