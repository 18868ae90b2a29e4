"""An exchange passes on what arrives, and no limit depends on what it waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mmpipe.api.http.exchange import Arrival, Clock, Exchange, OpenBody, Stage
from mmpipe.core.timeouts import Limits
from mmpipe.errors import MmpipeError, NetworkError, TimedOut
from support.harness import eventually

CALM = Limits(connect=60, first_byte=60, idle=60, deadline=float("inf"))


def arrivals(perform: Callable[[Callable[[Arrival], None]], None], clock: Clock) -> Iterator[Arrival]:
    with Exchange(perform) as exchange:
        for arrival in exchange.arrivals(clock, lambda: None):
            if isinstance(arrival, Stage):
                clock.enter(arrival)
            elif arrival != b":":
                clock.progress()
            yield arrival


def test_arrivals_are_passed_on_in_order() -> None:
    pieces = [b"%d" % number for number in range(100)]

    def perform(put: Callable[[Arrival], None]) -> None:
        for piece in pieces:
            put(piece)

    assert pieces == list(arrivals(perform, Clock(CALM, begins_soon=True)))


def test_an_error_comes_after_what_arrived_before_it() -> None:
    def perform(put: Callable[[Arrival], None]) -> None:
        put(b"1")
        raise NetworkError("reset")

    seen = arrivals(perform, Clock(CALM, begins_soon=True))
    assert b"1" == next(seen)
    with pytest.raises(NetworkError, match="reset"):
        next(seen)


def hanging(*before: Arrival) -> Callable[[Callable[[Arrival], None]], None]:
    def perform(put: Callable[[Arrival], None]) -> None:
        for arrival in before:
            put(arrival)
        threading.Event().wait(5)

    return perform


@pytest.mark.parametrize(
    ("before", "limit", "words"),
    [
        ([], "connect", "no connection within 0.1 s .--connect-timeout"),
        ([Stage.SENDING], "idle", "the request could not be sent within 0.1 s .--idle-timeout"),
        ([Stage.SENDING, Stage.WAITING], "first_byte", "no answer began within 0.1 s .--first-byte-timeout"),
        ([Stage.WAITING, b"x"], "idle", "the answer stalled for 0.1 s .--idle-timeout"),
    ],
)
def test_each_stage_has_its_limit(before: list[Arrival], limit: str, words: str) -> None:
    limits = replace(CALM, **{limit: 0.1})
    with pytest.raises(TimedOut, match=words) as caught:
        list(arrivals(hanging(*before), Clock(limits, begins_soon=True)))
    assert caught.value.retryable


def test_a_whole_answer_is_silent_until_it_is_done_and_its_limit_names_what_helps() -> None:
    words = "no whole answer within 0.3 s .--idle-timeout.; allow more, or use --wire stream$"
    with pytest.raises(TimedOut, match=words):
        list(arrivals(hanging(Stage.WAITING), Clock(replace(CALM, idle=0.3), begins_soon=False)))


def test_comments_for_ever_are_no_progress() -> None:
    def perform(put: Callable[[Arrival], None]) -> None:
        put(Stage.WAITING)
        for _ in range(100):
            put(b":")
            time.sleep(0.05)

    with pytest.raises(TimedOut, match="no answer began"):
        list(arrivals(perform, Clock(replace(CALM, first_byte=0.2), begins_soon=True)))


def test_the_total_limit_holds_whatever_comes_and_is_final() -> None:
    def perform(put: Callable[[Arrival], None]) -> None:
        for _ in range(100):
            put(b"x")
            time.sleep(0.02)

    limits = Limits(connect=9, first_byte=9, idle=9, deadline=time.monotonic() + 0.3)
    with pytest.raises(TimedOut, match="--max-time") as caught:
        list(arrivals(perform, Clock(limits, begins_soon=True)))
    assert not caught.value.retryable


def test_what_came_while_the_process_was_suspended_comes_before_a_limit() -> None:
    clock = Clock(replace(CALM, idle=0.8), begins_soon=True)
    seen = arrivals(hanging(Stage.WAITING, b"1", b"2"), clock)
    assert [Stage.WAITING, b"1"] == [next(seen), next(seen)]
    eventually(lambda: time.monotonic() > clock.end, "the limit is reached")
    assert b"2" == next(seen)
    with pytest.raises(TimedOut, match="stalled"):
        next(seen)


def test_a_flood_of_comments_does_not_pass_its_limit() -> None:
    def perform(put: Callable[[Arrival], None]) -> None:
        put(Stage.WAITING)
        while True:
            put(b":")

    clock = Clock(replace(CALM, first_byte=0.3), begins_soon=True)
    late: list[bool] = []
    with pytest.raises(TimedOut, match="no answer began"):
        late.extend(time.monotonic() > clock.end for _ in arrivals(perform, clock))
    assert sum(late) <= 1  # taken just before


def test_a_slow_reader_holds_the_sender_back() -> None:
    sent: list[int] = []

    def perform(put: Callable[[Arrival], None]) -> None:
        for number in range(1000):
            put(b"x")
            sent.append(number)

    seen = arrivals(perform, Clock(CALM, begins_soon=True))
    next(seen)
    time.sleep(0.2)
    assert 0 < len(sent) < 50
    seen.close()  # type: ignore[attr-defined]  # a generator, given as an iterator


def test_an_exchange_that_is_given_up_ends_its_thread() -> None:
    ended = threading.Event()

    def perform(put: Callable[[Arrival], None]) -> None:
        try:
            while True:
                put(b"x")
        finally:
            ended.set()

    with Exchange(perform) as exchange:
        next(exchange.arrivals(Clock(CALM, begins_soon=True), lambda: None))
    assert ended.wait(60)


def opening(body: OpenBody, *before: Arrival) -> Callable[[Callable[[Arrival], None]], None]:
    def perform(put: Callable[[Arrival], None]) -> None:
        for arrival in (*before, body):
            put(arrival)

    return perform


def body_of(*pieces: bytes | NetworkError | None, closed: list[bool] | None = None) -> OpenBody:
    """A body that ends with its last piece; an error is raised, and b"" takes the time that is allowed."""
    left = list(pieces)

    def read(seconds: float) -> bytes | None:
        piece = left.pop(0) if left else None
        if isinstance(piece, NetworkError):
            raise piece
        if piece == b"":
            time.sleep(seconds)
        return piece

    return OpenBody(read, lambda: None if closed is None else closed.append(True))


def test_a_body_is_read_after_what_came_before_it_and_closed_at_the_end() -> None:
    closed: list[bool] = []
    perform = opening(body_of(b"1", b"2", closed=closed), Stage.WAITING)
    seen = arrivals(perform, Clock(CALM, begins_soon=True))
    assert [Stage.WAITING, b"1"] == [next(seen), next(seen)]
    assert not closed
    assert [b"2"] == list(seen)
    assert [True] == closed


def test_an_error_of_a_body_comes_after_its_pieces() -> None:
    seen = arrivals(opening(body_of(b"1", NetworkError("reset"))), Clock(CALM, begins_soon=True))
    assert b"1" == next(seen)
    with pytest.raises(NetworkError, match="reset"):
        next(seen)


def test_a_body_of_which_nothing_comes_reaches_its_limit() -> None:
    clock = Clock(replace(CALM, idle=0.3), begins_soon=True)
    with pytest.raises(TimedOut, match="stalled"):
        list(arrivals(opening(body_of(b"1", *[b""] * 99), Stage.WAITING), clock))


def test_a_piece_of_a_body_that_came_while_the_process_was_suspended_comes_before_a_limit() -> None:
    clock = Clock(replace(CALM, idle=0.8), begins_soon=True)
    seen = arrivals(opening(body_of(b"1", b"2", b"", b"3"), Stage.WAITING), clock)
    assert [Stage.WAITING, b"1"] == [next(seen), next(seen)]
    eventually(lambda: time.monotonic() > clock.end, "the limit is reached")
    assert b"2" == next(seen)
    eventually(lambda: time.monotonic() > clock.end, "the limit is reached again")
    with pytest.raises(TimedOut, match="stalled"):
        next(seen)


def test_a_body_that_comes_after_the_end_is_closed() -> None:
    closed: list[bool] = []
    goes_on, ended = threading.Event(), threading.Event()

    def perform(put: Callable[[Arrival], None]) -> None:
        body = body_of(closed=closed)
        try:
            goes_on.wait(60)
            put(body)
        except BaseException:
            # As the client does with a body that it cannot pass on.
            body.close()
            raise
        finally:
            ended.set()

    with Exchange(perform):
        pass
    goes_on.set()
    assert ended.wait(60)
    assert [True] == closed


def test_a_body_that_nobody_takes_is_closed() -> None:
    closed: list[bool] = []
    was_put = threading.Event()

    def perform(put: Callable[[Arrival], None]) -> None:
        put(Stage.WAITING)
        put(body_of(closed=closed))
        was_put.set()

    with Exchange(perform):
        assert was_put.wait(60)
    assert [True] == closed


def test_a_look_is_taken_while_much_comes() -> None:
    def perform(put: Callable[[Arrival], None]) -> None:
        while True:
            put(b"x")
            time.sleep(0.01)

    def look() -> None:
        raise MmpipeError("looked")

    with Exchange(perform) as exchange, pytest.raises(MmpipeError, match="looked"):
        list(exchange.arrivals(Clock(CALM, begins_soon=True), look))


def test_a_look_is_taken_while_nothing_comes() -> None:
    turns: list[int] = []

    def waiting() -> None:
        turns.append(1)
        if len(turns) == 2:
            raise MmpipeError("enough")

    with Exchange(hanging()) as exchange, pytest.raises(MmpipeError, match="enough"):
        next(exchange.arrivals(Clock(CALM, begins_soon=True), waiting))
