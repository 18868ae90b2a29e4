"""The engine asks each item until it has an outcome, within the concurrency limit, and can be stopped."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from mmpipe.batch.engine import Engine, EnginePolicy, Outcome
from mmpipe.batch.pace.concurrency import AdaptiveSemaphore, ConcurrencyWindow
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.permits import Permits, WaitLimit
from mmpipe.core.events import Event, Start, Stop, Text, Usage
from mmpipe.core.request import Request
from mmpipe.core.timeouts import Limits, Timeouts
from mmpipe.errors import (
    AuthError,
    BrokenPool,
    ExitStatus,
    Forbidden,
    InputError,
    Interrupted,
    MmpipeError,
    NoWorkers,
    QuotaError,
    Rejected,
    ServerError,
    TimedOut,
)

PATIENCE = Timeouts(connect=1, first_byte=1, idle=1, total=30, retries=2)
POLICY = EnginePolicy(timeouts=PATIENCE)
AGAIN = ServerError("down", retryable=True, retry_after=0.0)


@dataclass(frozen=True)
class Item:
    name: str

    @property
    def request(self) -> Request:
        return Request("M", ({"role": "user", "content": self.name},))


def answered(name: str, reason: str = "stop") -> Sequence[Event]:
    return [Start("1", "M"), Text(f"about {name}"), Usage(3, 4, 7), Stop(reason, {})]


@dataclass
class Limiter:
    """Permits every request at once, or after `wait` seconds, and keeps what it hears."""

    wait: float = 0.0
    heard: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def rates(self) -> Rates:
        return Rates()

    def reserve(self, tokens: float) -> float:
        self.heard.append(("reserve", tokens, 0))
        return self.wait

    def settle(self, reserved: float, used: float) -> None:
        self.heard.append(("settle", reserved, used))

    def pause(self, seconds: float) -> None:
        self.heard.append(("pause", seconds, 0))

    def paused(self) -> float:
        return 0.0


def semaphore(allowed: int = 100) -> AdaptiveSemaphore:
    return AdaptiveSemaphore(ConcurrencyWindow(allowed, allowed, allowed))


Asking = Callable[[Request, Limits], Awaitable[Iterable[Event]]]


@dataclass
class Names:
    """The job of asking about each name."""

    left: Iterator[str]
    delivered: Callable[[Outcome[Item]], None] = lambda _: None
    outcomes: list[Outcome[Item]] = field(default_factory=list)

    async def next_item(self) -> Item | None:
        name = next(self.left, None)
        return None if name is None else Item(name)

    def deliver(self, outcome: Outcome[Item]) -> None:
        self.outcomes.append(outcome)
        self.delivered(outcome)

    def retrying(self, item: Item, error: MmpipeError, delay: float) -> None:
        pass


def make_engine(
    ask: Asking,
    *limiters: Limiter,
    allowed: AdaptiveSemaphore | None = None,
    policy: EnginePolicy = POLICY,
) -> Engine[Item]:
    return Engine(
        ask,
        Permits(limiters, lambda _: 10, WaitLimit(policy.max_wait, lambda _: None)),
        allowed or semaphore(),
        policy,
        StopSignal(),
    )


def run(
    ask: Asking,
    names: Iterable[str],
    *,
    limiter: Limiter | None = None,
    allowed: AdaptiveSemaphore | None = None,
    workers: int = 4,
    policy: EnginePolicy = POLICY,
    deliver: Callable[[Engine[Item], Outcome[Item]], None] = lambda *_: None,
) -> tuple[list[Outcome[Item]], Engine[Item]]:
    """The outcomes in the order in which they came, and the engine as it ended."""

    async def whole() -> tuple[list[Outcome[Item]], Engine[Item]]:
        engine = make_engine(ask, limiter or Limiter(), allowed=allowed, policy=policy)
        job = Names(iter(names), lambda outcome: deliver(engine, outcome))
        await asyncio.wait_for(engine.run(job, workers), 20)
        return job.outcomes, engine

    return asyncio.run(whole())


def failing(*errors: MmpipeError) -> Asking:
    """Fails so often, and then answers."""
    left = list(errors)

    async def ask(request: Request, _: Limits) -> Sequence[Event]:
        if left:
            raise left.pop(0)
        return answered(str(request.messages[0]["content"]))

    return ask


def test_each_item_is_asked_once_and_delivered_with_its_own_answer() -> None:
    names = [f"{number}" for number in range(200)]
    outcomes, engine = run(failing(), names, workers=16)
    assert {name: f"about {name}" for name in names} == {
        outcome.item.name: "".join(outcome.reply.texts) for outcome in outcomes
    }
    assert [None] * 200 == [outcome.error for outcome in outcomes]
    assert engine.stopped_by is None


def test_an_outcome_is_delivered_while_others_are_still_asked() -> None:
    first_delivered = asyncio.Event()

    async def ask(request: Request, _: Limits) -> Sequence[Event]:
        if request.messages[0]["content"] == "slow":
            await first_delivered.wait()
        return answered("x")

    outcomes, _ = run(ask, ["slow", "fast"], deliver=lambda _, __: first_delivered.set())
    assert ["fast", "slow"] == [outcome.item.name for outcome in outcomes]


@pytest.mark.parametrize("allowed", [1, 3])
def test_no_more_requests_are_in_flight_than_the_window_allows(allowed: int) -> None:
    inside, most = 0, 0

    async def ask(_: Request, __: Limits) -> Sequence[Event]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.002)
        inside -= 1
        return answered("x")

    outcomes, _ = run(ask, map(str, range(20)), allowed=semaphore(allowed), workers=8)
    assert (20, allowed) == (len(outcomes), most)


def test_a_temporary_error_is_retried_and_the_attempts_are_counted() -> None:
    (outcome,), _ = run(failing(AGAIN, AGAIN), ["a"])
    assert (None, 3) == (outcome.error, outcome.attempts.count)


def test_a_lasting_error_is_delivered_after_the_retries() -> None:
    (outcome,), engine = run(failing(*[AGAIN] * 9), ["a"])
    assert (AGAIN, 3, None) == (outcome.error, outcome.attempts.count, engine.stopped_by)


@pytest.mark.parametrize(
    "bug", [ValueError("odd"), OverflowError(), KeyError("x"), RecursionError(), AssertionError()]
)
def test_a_bug_in_one_answer_fails_its_record_alone_and_is_not_retried(bug: Exception) -> None:
    asked = list[object]()

    async def ask(request: Request, _: Limits) -> Iterable[Event]:
        name = request.messages[0]["content"]
        asked.append(name)
        if name == "odd":
            raise bug
        # An answer is decoded while it is read.
        return (fail(bug) if name == "late" else event for event in answered(str(name)))

    outcomes, engine = run(ask, ["a", "odd", "late", *map(str, range(50))])
    assert (53, 53, None) == (len(asked), len(outcomes), engine.stopped_by)
    failed = {outcome.item.name: outcome.error for outcome in outcomes if outcome.error is not None}
    assert {"odd", "late"} == failed.keys()
    for error in failed.values():
        assert ExitStatus.INTERNAL == error.status
        assert error.message.startswith(f"a bug in mmpipe: {type(bug).__name__}: {bug} (")


def fail(bug: Exception) -> Event:
    raise bug


@pytest.mark.parametrize(
    "error", [OSError(28, "no space"), MemoryError(), RuntimeError("can't start new thread")]
)
def test_an_error_of_the_process_ends_the_run(error: Exception) -> None:
    async def ask(_: Request, __: Limits) -> Iterable[Event]:
        raise error

    assert error is run(ask, ["a", "b"])[1].stopped_by


def test_a_rejected_request_is_not_retried_and_the_others_go_on() -> None:
    outcomes, engine = run(failing(Rejected("no")), ["a", "b"], workers=1)
    assert [9, None] == [outcome.error and outcome.error.status for outcome in outcomes]
    assert engine.stopped_by is None


def test_a_request_that_was_not_sent_is_no_attempt() -> None:
    (outcome,), _ = run(failing(InputError("the request holds the API key")), ["a"])
    assert (12, 0) == (outcome.error and outcome.error.status, outcome.attempts.count)


@pytest.mark.parametrize(
    "error",
    [AuthError("no key"), QuotaError("no money", api_code=1008), NoWorkers("none"), BrokenPool("a bug")],
)
def test_an_error_that_every_request_would_meet_ends_the_run(error: MmpipeError) -> None:
    outcomes, engine = run(failing(error), map(str, range(50)), workers=1)
    assert ([error], error) == ([outcome.error for outcome in outcomes], engine.stopped_by)


def test_a_request_that_a_firewall_refuses_fails_alone() -> None:
    error = Forbidden("blocked", http=403)
    outcomes, engine = run(failing(error), map(str, range(50)), workers=1)
    assert (50, None) == (len(outcomes), engine.stopped_by)
    assert [error] == [outcome.error for outcome in outcomes if outcome.error]


def test_reserved_tokens_are_settled_by_the_used_ones() -> None:
    limiter = Limiter()
    run(failing(), ["a"], limiter=limiter)
    assert [("reserve", 10, 0), ("settle", 10, 7)] == limiter.heard


def test_retry_after_pauses_all_requests() -> None:
    limiter = Limiter()
    run(failing(QuotaError("slower", retryable=True, retry_after=0.1)), ["a"], limiter=limiter)
    assert ("pause", 0.1, 0) in limiter.heard


def test_retry_after_of_a_request_that_is_refused_pauses_no_other() -> None:
    limiter, error = Limiter(), Rejected("conflict", http=409, retryable=True, retry_after=0.1)
    outcomes, _ = run(failing(error), ["a"], limiter=limiter)
    assert [None] == [outcome.error for outcome in outcomes]
    assert not any(kind == "pause" for kind, _, _ in limiter.heard)


def test_a_request_that_is_refused_for_longer_than_max_wait_fails_alone() -> None:
    error = Rejected("locked", http=423, retryable=True, retry_after=86_400)
    outcomes, engine = run(failing(error), ["a", "b"], workers=1)
    assert ([error, None], None) == ([outcome.error for outcome in outcomes], engine.stopped_by)


def test_no_retry_is_sent_before_retry_after_whatever_the_limiters_do() -> None:
    began = time.monotonic()
    (outcome,), _ = run(failing(QuotaError("slower", retryable=True, retry_after=0.7)), ["a"])
    assert (None, 2) == (outcome.error, outcome.attempts.count)
    assert 0.7 <= time.monotonic() - began


def test_a_pause_that_the_service_asks_for_is_not_the_time_of_the_request() -> None:
    patience = Timeouts(connect=1, first_byte=1, idle=1, total=0.7, retries=2)
    error = QuotaError("slower", retryable=True, retry_after=0.8)
    (outcome,), _ = run(failing(error), ["a"], policy=replace(POLICY, timeouts=patience))
    assert (None, 2) == (outcome.error, outcome.attempts.count)


def test_a_truncated_answer_is_delivered_with_its_error() -> None:
    async def ask(_: Request, __: Limits) -> Sequence[Event]:
        return answered("a", "length")

    (outcome,), _ = run(ask, ["a"])
    assert (11, ["about a"]) == (outcome.error and outcome.error.status, outcome.reply.texts)


def test_a_stop_lets_requests_in_flight_finish_and_sends_no_other() -> None:
    asked: list[str] = []

    async def ask(request: Request, _: Limits) -> Sequence[Event]:
        asked.append(str(request.messages[0]["content"]))
        await asyncio.sleep(0.01)
        return answered("x")

    why = TimedOut("over")
    outcomes, engine = run(ask, map(str, range(50)), workers=4, deliver=lambda engine, _: engine.stop(why))
    assert why is engine.stopped_by
    assert ["0", "1", "2", "3"] == sorted(asked) == sorted(outcome.item.name for outcome in outcomes)


def test_a_stop_does_not_wait_for_a_permit() -> None:
    async def stopped_soon() -> int:
        engine, job = make_engine(failing(), Limiter(wait=60)), Names(itertools.repeat("a"))
        asyncio.get_running_loop().call_later(0.05, engine.stop, TimedOut("over"))
        await asyncio.wait_for(engine.run(job, 4), 5)
        return len(job.outcomes)

    assert 0 == asyncio.run(stopped_soon())


def test_a_stop_at_once_waits_for_no_answer_and_its_reason_replaces_the_first() -> None:
    async def ask(_: Request, __: Limits) -> Sequence[Event]:
        engine.stop(TimedOut("over"))
        engine.stop(Interrupted(2), at_once=True)
        await asyncio.sleep(30)
        return answered("x")

    async def stopped_at_once() -> list[Outcome[Item]]:
        job = Names(itertools.repeat("a"))
        await asyncio.wait_for(engine.run(job, 4), 5)
        return job.outcomes

    engine = make_engine(ask)
    assert [] == asyncio.run(stopped_at_once())
    assert isinstance(engine.stopped_by, Interrupted)


def test_only_an_overload_counts_as_one_in_the_window() -> None:
    allowed = semaphore()
    run(
        failing(QuotaError("rate", http=429, api_code=1002, retryable=True), Rejected("no")),
        ["a"],
        allowed=allowed,
    )
    assert (98, 1) == (allowed.window.left, allowed.window.overloads)


def used_up(seconds: float) -> QuotaError:
    return QuotaError("5-hour usage limit", http=429, api_code=2056, retry_after=seconds)


def test_all_requests_wait_for_a_plan_window_that_opens_soon() -> None:
    limiter = Limiter()
    (outcome,), engine = run(failing(used_up(0.01)), ["a"], limiter=limiter)
    assert (None, None, 2) == (outcome.error, engine.stopped_by, outcome.attempts.count)
    assert ("pause", 0.01, 0) in limiter.heard


@pytest.mark.parametrize(
    "error", [used_up(3600), QuotaError("slower", http=429, retryable=True, retry_after=3600)]
)
def test_a_longer_wait_than_max_wait_ends_the_run_and_says_when_to_come_back(error: QuotaError) -> None:
    outcomes, engine = run(
        failing(error), map(str, range(50)), workers=1, policy=replace(POLICY, max_wait=60)
    )
    assert 1 == len(outcomes)
    assert isinstance(engine.stopped_by, QuotaError)
    assert (4, 3600) == (engine.stopped_by.status, engine.stopped_by.retry_after)


def test_a_stopped_run_waits_for_its_answers_only_for_the_grace_period() -> None:
    async def ask(request: Request, _: Limits) -> Sequence[Event]:
        await asyncio.sleep(30 if request.messages[0]["content"] == "0" else 0)
        return answered("x")

    outcomes, _ = run(
        ask,
        map(str, range(50)),
        workers=4,
        policy=replace(POLICY, grace=0.1),
        deliver=lambda engine, _: engine.stop(TimedOut("over")),
    )
    assert "0" not in [outcome.item.name for outcome in outcomes]


def test_the_wait_for_a_permit_is_not_the_time_of_the_request() -> None:
    deadlines: list[float] = []

    async def ask(_: Request, limits: Limits) -> Sequence[Event]:
        deadlines.append(limits.deadline - time.monotonic())
        await asyncio.sleep(0.2)
        if len(deadlines) == 1:
            raise AGAIN
        return answered("x")

    run(ask, ["a"], limiter=Limiter(wait=1.0))
    # With the waits for permits no more than 29 and 27.8 would be left; a busy machine takes some of the rest.
    assert 29.0 < deadlines[0] <= 30
    assert 27.9 < deadlines[1] < 29.9


def test_every_limiter_must_permit_a_request_and_learns_the_used_tokens() -> None:
    first, second = Limiter(), Limiter()

    async def whole() -> None:
        await make_engine(failing(), first, second).run(Names(iter("a")), 1)

    asyncio.run(whole())
    assert [("reserve", 10, 0), ("settle", 10, 7)] == first.heard == second.heard


def test_a_rejected_request_used_no_tokens_and_a_failed_one_may_have() -> None:
    limiter = Limiter()
    run(failing(Rejected("no"), ServerError("down")), ["a", "b"], limiter=limiter, workers=1)
    assert [("reserve", 10, 0), ("settle", 10, 0), ("reserve", 10, 0)] == limiter.heard
