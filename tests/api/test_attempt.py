"""Following an exchange sets the clock by what arrives, reports the stages, and passes the events on."""

import gzip
import re
import time
from collections.abc import Iterator
from math import inf

import pytest

from mmpipe.api.answer.answer_end import LINGER, LINGER_AT_FIRST
from mmpipe.api.answer.response import read_answer
from mmpipe.api.answer.wire import MAX_EXPLANATION
from mmpipe.api.attempt import EXPLAINED, UNOBSERVED, Observer, follow
from mmpipe.api.http.exchange import Arrival, Clock, Stage
from mmpipe.api.response_head import ResponseHead, ResponseInfo
from mmpipe.core.events import Event, Start, Stop, Text
from mmpipe.core.timeouts import Limits
from mmpipe.errors import AuthError, BadResponse, MmpipeError, NetworkError, OutputError, TimedOut
from support.harness import eventually
from support.sse_streams import chunk, stream, text_of

STREAM = ResponseHead(ResponseInfo(request_id="trace"), "text/event-stream")
FIRST, LAST = stream(chunk({"content": "5"})), stream(chunk({"content": "6"}, finish_reason="stop"))
USAGE = stream({"choices": [], "usage": {"total_tokens": 9}})
NOTHING = b": comment\n\n"
STAGES = (Stage.CONNECTING, Stage.SENDING, Stage.WAITING)
EVENTS = [
    Start("0700", "MiniMax-M2.7", "trace"),
    Text("5"),
    Text("6"),
    Stop("stop", {"content": "56", "role": "assistant"}),
]


class Watch(Clock):
    """A clock that keeps the stages and limits that it gets."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        super().__init__(Limits(connect=9, first_byte=9, idle=9, deadline=float("inf")), begins_soon=True)
        self.seen.clear()

    def enter(self, stage: Stage) -> None:
        self.seen.append(stage)
        super().enter(stage)

    def progress(self, limit: float = inf) -> None:
        self.seen.append(limit)
        super().progress(limit)


def arriving(*arrivals: Arrival | MmpipeError) -> Iterator[Arrival]:
    for arrival in arrivals:
        if isinstance(arrival, MmpipeError):
            raise arrival
        yield arrival


def followed(
    *arrivals: Arrival | MmpipeError, observer: Observer = UNOBSERVED, clock: Clock | None = None
) -> list[Event]:
    return list(follow(arriving(*arrivals), read_answer, clock or Watch(), observer))


def test_all_events_of_the_body_come_out() -> None:
    assert EVENTS == followed(*STAGES, STREAM, FIRST, LAST)


def test_the_observer_gets_the_head_and_each_piece() -> None:
    seen: list[object] = []
    followed(
        *STAGES, STREAM, FIRST, NOTHING, LAST, observer=Observer(received=seen.append, began=seen.append)
    )
    assert [STREAM, FIRST, NOTHING, LAST] == seen


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (STREAM, "HTTP 200, text/event-stream, trace trace"),
        (ResponseHead(ResponseInfo(201), ""), "HTTP 201, no content type, no trace id"),
    ],
)
def test_each_stage_and_the_head_are_noted_with_the_time(head: ResponseHead, words: str) -> None:
    notes: list[str] = []
    with pytest.raises(BadResponse):
        followed(*STAGES, head, observer=Observer(note=notes.append))
    *stages, last = notes
    assert words == last
    assert ["ready to connect", "connected", "request sent"] == [
        note.partition(" after ")[0] for note in stages
    ]
    assert all(0 <= int(note.partition(" after ")[2].removesuffix(" ms")) < 9000 for note in stages)


def test_the_time_that_is_noted_is_in_milliseconds() -> None:
    began, notes = time.monotonic(), list[str]()

    def late() -> Iterator[Arrival]:
        eventually(lambda: time.monotonic() - began >= 0.05, "time goes by")
        yield Stage.CONNECTING

    assert [] == list(follow(late(), read_answer, Watch(), Observer(note=notes.append)))
    [milliseconds] = map(int, re.findall(r"after (\d+) ms", notes[0]))
    assert 45 <= milliseconds < 30_000


def test_only_what_brings_the_answer_forward_sets_the_clock() -> None:
    clock = Watch()
    assert (
        EVENTS[:3]
        == followed(*STAGES, STREAM, NOTHING, FIRST, NOTHING, LAST, NOTHING, USAGE, clock=clock)[:3]
    )
    # The end of the answer leaves a short time for the usage, which nothing makes longer.
    assert [*STAGES, inf, LINGER] == clock.seen


BEGUN, REST = stream(chunk({"content": "7"}, finish_reason="stop")).split(b'": "7', 1)


def test_a_part_after_a_finish_reason_puts_the_idle_limit_in_force_until_the_stream_is_closed() -> None:
    clock = Watch()
    events = followed(*STAGES, STREAM, LAST, NOTHING, FIRST, LAST, NOTHING, USAGE, NOTHING, clock=clock)
    assert "656" == text_of(events)
    assert [*STAGES, LINGER_AT_FIRST, inf, inf, LINGER] == clock.seen


def test_a_part_that_has_begun_to_come_after_a_finish_reason_is_waited_for_as_in_the_middle_of_an_answer() -> (
    None
):
    clock = Watch()
    events = followed(*STAGES, STREAM, LAST, BEGUN, b'": "7', REST, clock=clock)
    assert [*STAGES, LINGER_AT_FIRST, inf] == clock.seen[:5]
    assert "67" == text_of(events)


@pytest.mark.parametrize(
    "end",
    [stream(chunk({}, finish_reason="stop")), stream(chunk({"role": "assistant"}, finish_reason="stop"))],
)
def test_a_finish_reason_before_any_part_is_not_believed(end: bytes) -> None:
    clock = Watch()
    with pytest.raises(TimedOut, match="slow"):
        followed(*STAGES, STREAM, end, TimedOut("slow"), clock=clock)
    assert LINGER not in clock.seen


@pytest.mark.parametrize(
    "fields",
    [{"content": "6"}, {"reasoning_content": "6", "content": "7"}, {"tool_calls": [{"index": 0, "id": "a"}]}],
)
def test_a_finish_reason_with_the_first_part_may_stand_in_every_chunk_so_more_is_waited_for_longer(
    fields: dict[str, object],
) -> None:
    clock = Watch()
    followed(*STAGES, STREAM, stream(chunk(fields, finish_reason="stop")), NOTHING, clock=clock)
    assert [*STAGES, LINGER_AT_FIRST] == clock.seen


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls"])
def test_a_pause_of_some_seconds_after_a_first_chunk_with_a_finish_reason_cuts_nothing(reason: str) -> None:
    clock = Watch()
    fields = {"content": "Hello", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "ls"}}]}
    followed(*STAGES, STREAM, stream(chunk(fields, finish_reason=reason)), NOTHING, clock=clock)
    pause = clock.seen[-1]
    assert isinstance(pause, float)
    assert pause >= 8


def test_the_usual_mark_after_an_answer_in_one_chunk_makes_its_end_certain() -> None:
    for mark in (USAGE, b"data: [DONE]\n\n"):
        clock = Watch()
        followed(*STAGES, STREAM, LAST, mark, NOTHING, clock=clock)
        assert [*STAGES, LINGER_AT_FIRST, LINGER] == clock.seen


def test_a_short_answer_whose_finish_reason_has_a_chunk_of_its_own_waits_only_a_short_time() -> None:
    clock = Watch()
    followed(*STAGES, STREAM, FIRST, stream(chunk({}, finish_reason="stop")), clock=clock)
    assert [*STAGES, inf, LINGER] == clock.seen


@pytest.mark.parametrize("failure", [NetworkError("reset"), TimedOut("slow"), BadResponse("too much")])
def test_a_failure_after_a_finish_reason_that_was_wrong_is_what_went_wrong(failure: MmpipeError) -> None:
    for pieces in ((LAST, LAST), (LAST, FIRST), (LAST, BEGUN + b'": "7')):
        with pytest.raises(type(failure)) as caught:
            followed(*STAGES, STREAM, *pieces, failure)
        assert failure.message == caught.value.message


def test_a_piece_of_an_answer_sets_the_clock_once_it_was_taken() -> None:
    for pieces in ((FIRST,), (FIRST, FIRST), (FIRST, FIRST, FIRST)):
        clock = Watch()
        events = follow(arriving(*STAGES, STREAM, *pieces), read_answer, clock, UNOBSERVED)
        assert isinstance(next(events), Start)
        for number in range(len(pieces)):
            assert Text("5") == next(events)
            assert [*STAGES, *[inf] * number] == clock.seen


def test_an_output_that_fails_has_no_trace_id_of_the_service() -> None:
    def fail(_: bytes) -> None:
        raise OutputError("out: full")

    with pytest.raises(OutputError) as caught:
        followed(*STAGES, STREAM, FIRST, observer=Observer(received=fail))
    assert caught.value.request_id is None


def test_a_limit_holds_between_the_steps_in_which_a_bomb_unfolds() -> None:
    clock = Clock(Limits(1, 1, 1, time.monotonic() - 1), begins_soon=True)
    zipped = ResponseHead(STREAM.info, STREAM.content_type, "gzip")
    bomb = gzip.compress(FIRST * 100_000)
    found = list[Event]()
    with pytest.raises(TimedOut, match="--max-time"):
        found.extend(follow(iter((*STAGES, zipped, bomb)), read_answer, clock, UNOBSERVED))


FAILURES = [NetworkError("reset"), TimedOut("slow"), BadResponse("too much")]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("before", [(), STAGES, (*STAGES, STREAM), (*STAGES, STREAM, FIRST)])
def test_a_failure_before_the_end_is_what_went_wrong(
    before: tuple[Arrival, ...], failure: MmpipeError
) -> None:
    with pytest.raises(type(failure)) as caught:
        followed(*before, failure)
    trace = STREAM.info.request_id if STREAM in before else None
    assert (failure.message, trace) == (caught.value.message, caught.value.request_id)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_after_the_end_harms_no_answer(failure: MmpipeError) -> None:
    assert EVENTS == followed(*STAGES, STREAM, FIRST, LAST, failure)


@pytest.mark.parametrize("before", [(), STAGES, (*STAGES, b"bytes before a head")])
def test_an_exchange_without_a_head_brings_nothing(before: tuple[Arrival, ...]) -> None:
    assert [] == followed(*before)


REFUSED = ResponseHead(ResponseInfo(401), "application/json")
EXPLANATION = b'{"error": {"message": "what it says (1004)"}}'


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        ((EXPLANATION,), "what it says"),
        ((EXPLANATION[:-1],), "no reason given"),
        ((EXPLANATION[:9], NetworkError("reset")), "no reason given"),
        ((EXPLANATION, TimedOut("slow")), "what it says"),
        ((b"<html>",), "no reason given"),
        ((b" " * (MAX_EXPLANATION + 1), TimedOut("never met")), "no reason given"),
    ],
)
def test_an_error_is_what_its_head_says_whatever_becomes_of_the_rest(
    arrivals: tuple[Arrival | MmpipeError, ...], words: str
) -> None:
    clock, seen = Watch(), list[object]()
    observer = Observer(received=seen.append, began=seen.append)
    with pytest.raises(AuthError, match=words):
        list(follow(arriving(*STAGES, REFUSED, *arrivals), read_answer, clock, observer))
    assert ([*STAGES, EXPLAINED], []) == (clock.seen, seen)


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_observer_sees_a_compressed_answer_without_its_compression(size: int) -> None:
    content = FIRST + LAST + USAGE
    sent, seen = gzip.compress(content), list[bytes]()
    head = ResponseHead(ResponseInfo(request_id="trace"), "text/event-stream", "gzip")
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    found = followed(head, *pieces, observer=Observer(received=seen.append))
    assert ("56", content) == (text_of(found), b"".join(seen))


def test_a_coding_that_cannot_be_read_is_bad_in_an_answer_and_changes_no_error() -> None:
    with pytest.raises(BadResponse, match="compressed its answer with br") as caught:
        followed(ResponseHead(ResponseInfo(request_id="trace"), "", "br"), b"\x0b\x02\x80 squeezed \x03")
    assert "trace" == caught.value.request_id
    for body in (b"\x0b", b"\x0b\x02\x80 squeezed \x03"):
        with pytest.raises(AuthError):
            followed(ResponseHead(ResponseInfo(401), "", "br"), body)


def test_the_wait_for_the_body_of_an_error_is_within_the_other_limits() -> None:
    assert EXPLAINED < 10
    now = time.monotonic()
    for idle, most in ((1.0, 1.0), (60.0, EXPLAINED)):
        clock = Clock(Limits(9, 9, idle, now + 60), begins_soon=True)
        clock.progress(EXPLAINED)
        assert most - 1 < clock.left() <= most


def test_the_limit_that_comes_first_is_reported() -> None:
    now = time.monotonic()
    for idle, total, option in ((1.0, 9.0, "--idle-timeout"), (9.0, 1.0, "--max-time")):
        clock = Clock(Limits(9, 9, idle, now + total), begins_soon=True)
        clock.progress()
        assert option in clock.expired().message
        assert clock.end <= now + 2
