"""A permit is waited for as long as --max-wait says, and no wait is silent, or survives the end of the run."""

import asyncio
from collections.abc import Sequence

import pytest

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import Limiter, LocalLimiter
from mmpipe.batch.pace.permits import Permits, WaitLimit
from mmpipe.core.request import Request
from mmpipe.errors import QuotaError

REQUEST = Request("MiniMax-M3", ())


def stopped() -> StopSignal:
    stop = StopSignal()
    stop.set()
    return stop


def limiters(rates: Rates, count: int = 1) -> list[LocalLimiter]:
    return [LocalLimiter(rates, clock=lambda: 0.0) for _ in range(count)]


def acquire(asked: Sequence[Limiter], *, tokens: float = 600, max_wait: float = 600) -> list[str]:
    """Ask for a permit, end the run at the first wait, and return what was reported."""
    reported = list[str]()

    async def ask() -> float | None:
        stop = StopSignal()

        def report(sentence: str) -> None:
            reported.append(sentence)

        permits = Permits(asked, lambda _: tokens, WaitLimit(max_wait, report))
        asking = asyncio.create_task(permits.acquire(REQUEST, stop))
        await asyncio.sleep(0.01)
        stop.set()
        return await asking

    assert asyncio.run(ask()) is None
    return reported


def test_a_run_that_stops_gives_its_tokens_back_to_every_limiter() -> None:
    asked = limiters(Rates(tokens=60), 2)

    async def ask() -> float | None:
        return await Permits(asked, lambda _: 600, WaitLimit(600, lambda _: None)).acquire(REQUEST, stopped())

    assert asyncio.run(ask()) is None
    assert [0.0, 0.0] == [limiter.reserve(1) for limiter in asked]


def test_after_the_end_of_a_run_its_waiting_requests_reserve_nothing() -> None:
    (limiter,) = limiters(Rates(requests=60))

    async def ask() -> None:
        stop = StopSignal()
        permits = Permits([limiter], lambda _: 0, WaitLimit(600, lambda _: None))
        waiting = [asyncio.create_task(permits.acquire(REQUEST, stop)) for _ in range(100)]
        await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait(waiting)

    asyncio.run(ask())
    # The first one went, and the second one had its time when the run ended.
    assert pytest.approx(2) == limiter.reserve(0)


class Turns(LocalLimiter):
    """A limit whose first wait is the only one, as for a busy run, which comes too late for the times of many."""

    def __init__(self) -> None:
        super().__init__(Rates())
        self.reserved = 0

    def reserve(self, tokens: float) -> float:
        self.reserved += 1
        return super().reserve(tokens) + (0.01 if self.reserved == 1 else 0.0)


def test_permits_whose_time_has_come_are_given_at_once_and_not_one_in_each_round_of_the_loop() -> None:
    async def ask() -> int:
        permits, rounds, stop = Permits([Turns()], lambda _: 0, WaitLimit(600, print)), 0, StopSignal()
        first = asyncio.create_task(permits.acquire(REQUEST, stop))
        await asyncio.sleep(0)
        asking = [asyncio.create_task(permits.acquire(REQUEST, stop)) for _ in range(100)]
        await first
        while not all(task.done() for task in asking):
            await asyncio.sleep(0)
            rounds += 1
        assert [0.0] * 100 == [task.result() for task in asking]
        return rounds

    assert 5 > asyncio.run(ask())


def test_a_request_that_is_cancelled_leaves_the_others_their_turn() -> None:
    async def ask(cancelled: int) -> int:
        stop = StopSignal()
        permits = Permits([LocalLimiter(Rates(requests=60_000))], lambda _: 0.0, WaitLimit(600, print))
        tasks = [asyncio.create_task(permits.acquire(REQUEST, stop)) for _ in range(300)]
        await asyncio.sleep(0.005)
        for task in tasks[cancelled:]:
            task.cancel()
        tasks += [asyncio.create_task(permits.acquire(REQUEST, stop)) for _ in range(10)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(one, float) for one in found)

    # Some had their permits before.
    assert [310, True, True] == [
        asyncio.run(ask(300)),
        10 <= asyncio.run(ask(0)) < 310,
        260 <= asyncio.run(ask(250)) <= 310,
    ]


def test_a_request_that_is_cancelled_gives_its_tokens_back() -> None:
    (limiter,) = limiters(Rates(tokens=60))
    limiter.reserve(60)

    async def ask() -> None:
        permits = Permits([limiter], lambda _: 6_000, WaitLimit(600, lambda _: None))
        asking = asyncio.create_task(permits.acquire(REQUEST, StopSignal()))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])

    asyncio.run(ask())
    assert 60 == pytest.approx(limiter.reserve(1), abs=1)


def test_the_pace_that_was_asked_for_is_not_reported_and_needs_no_max_wait() -> None:
    for max_wait in (0, 600):
        (limiter,) = limiters(Rates(requests=1))
        limiter.reserve(0)
        assert [] == acquire([limiter], max_wait=max_wait)


@pytest.mark.parametrize(
    ("rate", "parts"), [(1, 2), (1, 4), (1, 12), (1, 1000), (30, 31), (0.5, 1), (0.001, 1)]
)
@pytest.mark.parametrize("max_wait", [0, 10, 600])
def test_the_pace_of_a_shard_needs_no_max_wait_and_what_comes_on_top_does(
    rate: float, parts: int, max_wait: float
) -> None:
    rates = Rates(requests=rate).divided(parts)
    asked = [*limiters(rates), *limiters(Rates(requests=rate))]
    asked[0].reserve(0)
    assert 1 == len(acquire(asked, max_wait=max_wait))
    (late,) = limiters(rates)
    while late.reserve(0) <= max_wait:
        pass
    with pytest.raises(QuotaError, match="--rpm and --tpm allow no request sooner"):
        acquire([late], max_wait=max_wait)


def test_a_wait_above_a_minute_is_reported_with_its_reason() -> None:
    (limiter,) = limiters(Rates(tokens=60))
    limiter.reserve(500)
    assert ["waiting 8 min: --rpm and --tpm allow no request sooner"] == acquire([limiter], tokens=1)
    (paused,) = limiters(Rates())
    paused.pause(90)
    assert ["waiting 90 s: the service asks for a pause"] == acquire([paused])


@pytest.mark.parametrize(
    ("max_wait", "debt", "pause"),
    [(0, 61, 0), (60, 121, 0), (500, 561, 0), (0, 0, 1), (60, 0, 61), (60, 0, 86_400), (600, 0, 601)],
)
def test_a_longer_wait_than_max_wait_ends_the_run_and_says_when_to_come_back(
    max_wait: float, debt: float, pause: float
) -> None:
    # One limiter is a shard's own, the other is shared with other runs.
    own, shared = limiters(Rates(tokens=60), 2)
    shared.reserve(debt + 1)
    shared.pause(pause)
    with pytest.raises(QuotaError) as caught:
        acquire([own, shared], tokens=1, max_wait=max_wait)
    reason = "the service asks for a pause" if pause else "--rpm and --tpm allow no request sooner"
    expected = f"the next request has to wait longer than --max-wait {max_wait}: {reason}"
    assert (expected, True) == (caught.value.message, caught.value.retryable)
    assert max(debt, pause) == pytest.approx(caught.value.retry_after, abs=1.1)


def test_a_run_whose_limits_are_in_debt_ends_and_leaves_no_more_of_it() -> None:
    (limiter,) = limiters(Rates(tokens=60))
    limiter.reserve(500)
    for _ in range(20):
        with pytest.raises(QuotaError):
            acquire([limiter], tokens=100_000, max_wait=0)
    assert 500 == pytest.approx(limiter.reserve(1), abs=1.1)


def test_an_estimate_above_tpm_is_reported_once() -> None:
    reported = list[str]()

    async def ask(asked: Sequence[Limiter], tokens: float) -> None:
        permits = Permits(asked, lambda _: tokens, WaitLimit(600, reported.append))
        for _ in range(3):
            await permits.acquire(REQUEST, stopped())

    asyncio.run(ask(limiters(Rates(tokens=60)), 60))
    assert [] == reported
    asyncio.run(ask([*limiters(Rates()), *limiters(Rates(tokens=60))], 600))
    (sentence,) = reported
    assert "one request is estimated at 600 tokens, and --tpm allows 60 a minute" in sentence
