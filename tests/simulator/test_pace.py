"""Answers have the speed and the rate limit of the profile."""

import time

import pytest

from mmpipe.simulator.rate_limit import RateLimit
from mmpipe.simulator.steps import Send, Stall, Wait, pace
from support.simulator_client import STREAM, Json, ask, begun, chat, field, simulator


def test_requests_over_the_rate_are_refused_with_1002() -> None:
    with simulator(rpm=2) as running:
        replies = [ask(running, chat()) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert field(replies[-1].json, "error")["message"] == "rate limit, please retry later (1002)"
    assert "Retry-After" not in replies[-1].headers


def test_the_window_of_a_minute_slides() -> None:
    limit = RateLimit(2)
    times = [0, 10, 20, 59.9, 60, 61, 70]
    assert [limit.admits(now) for now in times] == [True, True, False, False, True, False, True]


def test_each_token_takes_its_time() -> None:
    steps = pace([Send(b"a", 5), Send(b"b", 0), Send(b"c", 10), Stall()], tps=100, latency=0.5)
    assert list(steps) == [
        Wait(0.5),
        Wait(0.05),
        Send(b"a", 5),
        Send(b"b", 0),
        Wait(0.1),
        Send(b"c", 10),
        Stall(),
    ]


def test_without_a_speed_nothing_waits() -> None:
    assert list(pace([Send(b"a", 5)], tps=None, latency=0.0)) == [Send(b"a", 5)]


@pytest.mark.parametrize("way", [{}, STREAM])
def test_an_answer_comes_at_the_speed_of_its_tokens(way: Json) -> None:
    with simulator(tps=400) as running:
        usage = field(ask(running, chat()).json, "usage")
        began = time.monotonic()
        ask(running, chat(**way))
        took = time.monotonic() - began
    tokens = usage["completion_tokens"]
    assert isinstance(tokens, int)
    assert tokens / 400 * 0.9 < took


def test_the_first_byte_waits_for_the_latency_also_of_an_error() -> None:
    with simulator("429", latency=0.3) as running:
        began = time.monotonic()
        with begun(running, chat()):
            assert 0.3 <= time.monotonic() - began
