"""The tokens a minute of runs that share one state of gcra.py, in virtual time."""

import heapq
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, count

import pytest

from mmpipe.batch.pace.estimate import AnswerHistogram
from mmpipe.batch.pace.gcra import Rates, RateState, reserve, settle
from mmpipe.batch.pace.permits import find_replaced

PROMPT = 44  # tokens, known exactly
MINUTE, END = 60.0, 300.0
Draw = Callable[[random.Random], int]


def constant(_: random.Random) -> int:
    return 43


def spread(chance: random.Random) -> int:
    return 1 + int(chance.expovariate(1 / 300))


def rarely_long(chance: random.Random) -> int:
    return 2000 if chance.random() < 0.06 else 40


@dataclass
class Runs:
    """Runs that wait for one permit each, and send without end; an answer takes `latency` seconds on average."""

    rates: Rates
    draw: Draw
    latency: float
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  chance that can be repeated
    state: RateState = field(default_factory=RateState)
    events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    number: Iterator[int] = field(default_factory=count)
    sent: list[tuple[float, int]] = field(default_factory=list)

    def later(self, time: float, step: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (time, next(self.number), step))

    def start(self) -> None:
        histogram = AnswerHistogram()

        def wait(now: float) -> None:
            reserved = PROMPT + histogram.mean_tokens()
            self.state, seconds = reserve(self.state, self.rates, reserved, now)
            self.later(now + seconds, lambda time: send(time, reserved))

        def send(now: float, reserved: int) -> None:
            answer = self.draw(self.chance)
            self.sent.append((now, PROMPT + answer))
            self.later(
                now + self.latency * (0.5 + self.chance.random()), lambda time: end(time, reserved, answer)
            )
            wait(now)

        def end(now: float, reserved: int, answer: int) -> None:
            nonlocal histogram
            used = PROMPT + answer
            replaced = find_replaced(reserved, used, PROMPT + histogram.mean_tokens())
            self.state = settle(self.state, self.rates, replaced, used, now)
            histogram = histogram.after(answer)

        self.later(0.0, wait)

    def tokens(self) -> Callable[[float, float], int]:
        """Send until the end; return the function that counts the tokens sent between two times."""
        while self.events[0][0] < END:
            time, _, step = heapq.heappop(self.events)
            step(time)
        times = [time for time, _ in self.sent]
        sums = [0, *accumulate(used for _, used in self.sent)]
        return lambda begin, end: sums[bisect_left(times, end)] - sums[bisect_left(times, begin)]


@pytest.mark.parametrize("latency", [0.1, 5.0])
@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize(
    ("draw", "excess"),
    [(constant, 1.03), (spread, 1.06), (rarely_long, 1.06)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_rate_of_tokens_is_used_and_hardly_passed_whatever_the_answers_take(
    draw: Draw, excess: float, count: int, latency: float
) -> None:
    rate = 522_000
    runs = Runs(Rates(tokens=rate), draw, latency)
    for _ in range(count):
        runs.start()
    tokens = runs.tokens()
    assert excess >= max(tokens(time, time + MINUTE) for time, _ in runs.sent) / rate
    assert 0.95 <= tokens(MINUTE, 2 * MINUTE) / rate
    assert 0.95 <= tokens(2 * MINUTE, END) / rate / (END / MINUTE - 2)


def test_a_low_rate_of_tokens_holds_from_the_first_guess_on() -> None:
    runs = Runs(Rates(tokens=600 * 87), constant, 0.1)
    for _ in range(6):
        runs.start()
    tokens = runs.tokens()
    assert 1.03 >= max(tokens(time, time + MINUTE) for time, _ in runs.sent) / (600 * 87)
    assert 0.95 <= tokens(MINUTE, 2 * MINUTE) / (600 * 87)


@pytest.mark.parametrize(
    ("reserved", "used", "expected", "replaced"),
    [
        (1000, 90, 1000, 1000),
        (1000, 90, 500, 500),
        (1000, 90, 80, 90),
        (1000, 2000, 80, 1000),
        (80, 70, 1000, 80),
        (80, 0, 90, 80),
        (1000, 0, 80, 1000),
    ],
)
def test_of_a_guess_that_was_too_high_no_more_is_given_back_than_is_expected_since(
    reserved: float, used: float, expected: float, replaced: float
) -> None:
    assert replaced == find_replaced(reserved, used, expected)
