"""Several runs on several hosts keep to one limit, whatever happens to its server, and send nothing without a permit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.permits import WaitLimit
from mmpipe.batch.pace.remote_limiter import RemoteLimiter, StepFailure
from mmpipe.batch.pace.remote_permits import RemotePermits, open_remote_permits
from mmpipe.core.request import Request
from mmpipe.errors import MmpipeError, NetworkError, QuotaError
from support.step_model import ModelServer
from support.virtual_time import run_at_once

REQUEST = Request("MiniMax-M3", ())
EPOCH = 1.8e9  # of the server's clock
NEVER = -1.0
AT_600 = Rates(requests=600)
TIMEOUT = 5.0


@dataclass
class Network:
    """The server and the way to it: an answer takes `latency` seconds; none comes until `down_until`, or `halted_until`."""

    model: ModelServer = field(default_factory=ModelServer)
    latency: float = 0.001
    down_until: float = NEVER
    halted_until: float = NEVER
    failure: StepFailure | None = None
    steps: int = 0
    permits: int = 0

    @property
    def tokens(self) -> float:
        """The time at which the bucket of tokens is full."""
        return float(self.model.value.split()[3])

    async def run(self, arguments: Sequence[bytes | str]) -> list[bytes]:
        """One step, as the script makes it."""
        loop = asyncio.get_running_loop()
        self.steps += 1
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(self.latency / 2)
        if loop.time() < self.down_until:
            raise StepFailure("connection refused", may_have_run=False)
        if (left := self.halted_until - loop.time()) > 0:
            await asyncio.sleep(min(left, TIMEOUT))
            if left > TIMEOUT:
                raise StepFailure("no answer", may_have_run=True)
        answer = self.model.step(arguments, EPOCH + loop.time())
        self.permits += len(answer) - 2
        await asyncio.sleep(self.latency / 2)
        return answer

    async def close(self) -> None:
        pass

    def lose(self) -> None:
        """Forget everything, as a server does that is restarted."""
        self.model.value = ""

    def be_down(self, seconds: float) -> None:
        self.down_until = now() + seconds

    def be_halted(self, seconds: float) -> None:
        self.halted_until = now() + seconds

    def be_slow(self, latency: float) -> None:
        self.latency = latency

    def restart(self, seconds: float) -> None:
        self.lose()
        self.be_down(seconds)

    def fail_over(self, seconds: float) -> None:
        """After so many seconds, have the data of now."""
        value = self.model.value
        asyncio.get_running_loop().call_later(seconds, lambda: setattr(self.model, "value", value))


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Run:
    """One run: its permits, the times of its requests, and what it reported."""

    permits: RemotePermits
    stop: StopSignal
    sent: list[float]
    reported: list[str]

    async def ask(self, seconds: float = 0.1, used: float | None = None) -> float:
        """Send one request after the other, each of which takes so long and so many tokens; the time of the last one."""
        last = 0.0
        while (reserved := await self.permits.acquire(REQUEST, self.stop)) is not None:
            last = now()
            self.sent.append(last)
            await asyncio.sleep(seconds)
            self.permits.settle(REQUEST, reserved, used)
        return last


@asynccontextmanager
async def opened(
    network: Network, rates: Rates, *, tokens: float = 0, max_wait: float = 600
) -> AsyncIterator[Run]:
    reported, stop = list[str](), StopSignal()
    limiter = RemoteLimiter(rates, network, asyncio.get_running_loop().time)
    limit = WaitLimit(max_wait, reported.append)
    async with open_remote_permits(limiter, "redis://there", lambda _: tokens, limit, stop) as permits:
        yield Run(permits, stop, [], reported)


Event = tuple[float, Callable[[], None]]


async def ask_from_all(
    network: Network,
    rates: Rates,
    *events: Event,
    runs: int = 6,
    until: float = 80,
    workers: int = 4,
    tokens: float = 0,
    used: float | None = None,
) -> list[float]:
    """The times of all requests of so many runs, each with so many workers, while events happen at their times."""
    loop = asyncio.get_running_loop()
    for time, event in events:
        loop.call_at(time, event)
    async with AsyncExitStack() as stack:
        everybody = [
            await stack.enter_async_context(opened(network, rates, tokens=tokens)) for _ in range(runs)
        ]
        tasks = [asyncio.create_task(run.ask(used=used)) for run in everybody for _ in range(workers)]
        await asyncio.sleep(until)
        for run in everybody:
            run.stop.set()
        latest = await asyncio.gather(*tasks)
    # No request is forgotten.
    assert until - 30 < min(latest)
    return sorted(time for run in everybody for time in run.sent)


def most_in_a_minute(sent: Sequence[float]) -> int:
    first, most = 0, 0
    for last, time in enumerate(sent):
        while sent[first] < time - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def within(sent: Sequence[float], begin: float, end: float) -> int:
    return sum(begin <= time < end for time in sent)


@pytest.mark.slow
@pytest.mark.parametrize(("latency", "fewest"), [(0.0005, 590), (0.05, 580), (0.5, 570), (3.0, 100)])
def test_six_runs_at_600_keep_to_605_in_any_minute_and_use_the_second_one(
    latency: float, fewest: int
) -> None:
    network = Network(latency=latency)
    sent = run_at_once(ask_from_all(network, AT_600))
    assert 605 >= most_in_a_minute(sent)
    assert fewest <= within(sent, 10, 70)
    # One round trip for each permit; the last ones are not asked for again.
    assert network.steps <= 1.02 * network.permits + 6


HAPPENINGS = [Network.be_down, Network.be_halted, Network.restart, Network.fail_over]


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.floats(0, 15), st.sampled_from(HAPPENINGS), st.floats(0, 20)), max_size=8),
    st.sampled_from([0.001, 0.2]),
)
def test_whatever_happens_to_the_server_no_minute_has_more_than_605(
    happenings: list[tuple[float, Callable[[Network, float], None], float]], latency: float
) -> None:
    network = Network(latency=latency)
    events = [(time, partial(happen, network, seconds)) for time, happen, seconds in happenings]
    assert 605 >= most_in_a_minute(run_at_once(ask_from_all(network, AT_600, *events)))


@pytest.mark.parametrize("seconds", [0.3, 2.5, 4.9, 5.1])
def test_a_request_that_is_late_on_its_way_to_the_server_costs_no_other_its_permit(seconds: float) -> None:
    # Half of the time of a round trip is no good guess then.
    network = Network()
    events = [(5 + 7 * number, partial(network.be_halted, seconds)) for number in range(4)]
    assert 605 >= most_in_a_minute(run_at_once(ask_from_all(network, AT_600, *events)))


def test_a_state_that_is_lost_again_and_again_allows_no_more() -> None:
    network = Network()
    events = [(time / 2, network.lose) for time in range(40)]
    sent = run_at_once(ask_from_all(network, AT_600, *events))
    assert 605 >= most_in_a_minute(sent)
    assert 0 < within(sent, 5, 15)


def test_tokens_are_limited_alike_and_those_not_used_serve_other_runs() -> None:
    network = Network()
    sent = run_at_once(ask_from_all(network, Rates(tokens=60_000), tokens=150, used=100))
    # 600 requests of 100 tokens each.
    assert 600 * 1.03 >= most_in_a_minute(sent)
    assert 570 <= within(sent, 10, 70)


def test_many_waiting_requests_share_a_round_trip() -> None:
    network = Network()
    sent = run_at_once(ask_from_all(network, Rates(requests=60_000), runs=2, until=5, workers=200))
    assert 4_600 < len(sent) < 5_050
    assert network.steps < len(sent) / 10


def test_without_rates_all_permits_come_at_once_and_a_pause_of_one_run_holds_the_others() -> None:
    network = Network(latency=0.01)

    async def ask() -> tuple[list[float], int, list[float]]:
        async with opened(network, Rates()) as one, opened(network, Rates()) as other:
            tasks = [asyncio.create_task(other.ask(seconds=1)) for _ in range(100)]
            await asyncio.sleep(0.5)
            before, steps = list(other.sent), network.steps
            one.permits.pause(30)
            await asyncio.sleep(100)
            one.stop.set()
            other.stop.set()
            await asyncio.gather(*tasks)
            return before, steps, other.sent[100:]

    before, steps, after = run_at_once(ask())
    assert 100 == len(before)
    assert 1 == steps
    assert 30.5 == pytest.approx(min(after), abs=0.1)


def test_a_pause_holds_all_runs_within_a_moment() -> None:
    network = Network(latency=0.01)

    async def ask() -> list[float]:
        async with opened(network, AT_600) as pausing:
            asyncio.get_running_loop().call_at(20, pausing.permits.pause, 25)
            return await ask_from_all(network, AT_600)

    sent = run_at_once(ask())
    assert 190 < within(sent, 0, 20)
    # What was reserved for the next tenth of a second is sent.
    assert 3 >= within(sent, 20, 45)
    assert 0 == within(sent, 20.3, 45)
    assert 12 >= within(sent, 45, 46)
    assert 90 < within(sent, 45, 55)


def test_without_an_answer_nothing_is_sent_and_that_is_reported_once() -> None:
    network = Network()

    async def ask() -> Run:
        async with opened(network, AT_600) as run:
            tasks = [asyncio.create_task(run.ask()) for _ in range(4)]
            await asyncio.sleep(10)
            network.be_down(30)
            await asyncio.sleep(60)
            run.stop.set()
            await asyncio.gather(*tasks)
            return run

    run = run_at_once(ask())
    begin, end = run.reported
    assert (
        "no permits from the limiter redis://there, so no requests: connection refused; retried for --max-wait 600 at most"
        == begin
    )
    assert end.startswith("the limiter redis://there gives permits again, after 3")
    assert 0 == within(run.sent, 10.2, 40)
    assert 180 < within(run.sent, 42, 70)


def test_one_closed_connection_is_not_worth_a_word() -> None:
    network = Network()

    async def ask() -> Run:
        async with opened(network, AT_600, max_wait=0) as run:
            asking = asyncio.create_task(run.ask())
            for _ in range(20):
                await asyncio.sleep(1)
                network.be_down(0.0001)
            run.stop.set()
            await asking
            return run

    assert [] == run_at_once(ask()).reported


@pytest.mark.parametrize("max_wait", [0, 1, 60])
@pytest.mark.parametrize("fault", [Network.be_down, Network.be_halted])
def test_no_answer_for_max_wait_is_an_error_for_each_waiting_request(
    max_wait: float, fault: Callable[[Network, float], None]
) -> None:
    async def ask() -> tuple[float, list[MmpipeError]]:
        network = Network()
        async with opened(network, AT_600, max_wait=max_wait) as run:
            fault(network, 1000)
            tasks = [asyncio.create_task(run.ask()) for _ in range(3)]
            done = await asyncio.gather(*tasks, return_exceptions=True)
            return now(), [error for error in done if isinstance(error, MmpipeError)]

    ended, errors = run_at_once(ask())
    assert [NetworkError] * 3 == [type(error) for error in errors]
    assert f"the limiter redis://there has given no permits for --max-wait {max_wait}" in errors[0].message
    assert errors[0].retryable
    assert max_wait <= ended <= max_wait + 2.5


def test_an_outage_that_nobody_waits_in_counts_for_no_request() -> None:
    async def ask() -> None:
        network = Network()
        async with opened(network, Rates(tokens=60_000), tokens=10, max_wait=20) as run:
            reserved = await run.permits.acquire(REQUEST, run.stop)
            network.be_down(1000)
            run.permits.settle(REQUEST, reserved or 0, 5)
            await asyncio.sleep(990)
            assert 10 == await run.permits.acquire(REQUEST, run.stop)

    run_at_once(ask())


def test_a_longer_pause_than_max_wait_is_an_error() -> None:
    async def ask() -> None:
        network = Network()
        async with opened(network, AT_600) as one, opened(network, AT_600, max_wait=60) as other:
            one.permits.pause(61)
            await asyncio.sleep(1)
            assert 0 == await one.permits.acquire(REQUEST, one.stop)
            one.permits.pause(61)
            await asyncio.sleep(0.9)
            with pytest.raises(QuotaError, match="longer than --max-wait 60: the service asks for a pause"):
                await other.permits.acquire(REQUEST, other.stop)

    run_at_once(ask())


def test_what_is_granted_goes_out_before_a_wait_that_is_too_long_ends_the_run() -> None:
    async def ask() -> list[float | BaseException | None]:
        done = list[float | BaseException | None]()
        async with opened(Network(), Rates(tokens=500), tokens=1028, max_wait=3) as run:

            async def acquire() -> None:
                try:
                    done.append(await run.permits.acquire(REQUEST, run.stop))
                except QuotaError as error:
                    done.append(error)
                    run.stop.set()

            await asyncio.gather(acquire(), acquire(), acquire())
        return done

    first, second, third = run_at_once(ask())
    assert (1028, QuotaError, None) == (first, type(second), third)


def test_a_pause_that_is_made_longer_again_and_again_counts_once() -> None:
    async def ask() -> None:
        async with opened(Network(), AT_600, max_wait=600) as run:
            await asyncio.sleep(5)
            begin = now()
            run.permits.pause(250)
            asking = asyncio.create_task(run.permits.acquire(REQUEST, run.stop))
            for _ in range(20):
                await asyncio.sleep(0.1)
                run.permits.pause(250)
            assert 0 == await asking
            assert 252 <= now() - begin <= 253

    run_at_once(ask())


def tokens_left_for_others(leave: Callable[[Run, "asyncio.Task[float | None]"], None]) -> float:
    """The seconds that another run waits for one token, after a run has left that waited for a minute of them."""

    async def ask() -> float:
        network = Network()
        async with opened(network, Rates(tokens=60), tokens=60) as other:
            await other.permits.acquire(REQUEST, other.stop)
            async with opened(network, Rates(tokens=60), tokens=6000) as run:
                asking = asyncio.create_task(run.permits.acquire(REQUEST, run.stop))
                await asyncio.sleep(1)
                leave(run, asking)
                await asyncio.wait([asking])
            begin = now()
            await other.permits.acquire(REQUEST, other.stop)
            return now() - begin

    return run_at_once(ask())


@pytest.mark.parametrize(
    "leave",
    [
        lambda run, _: run.stop.set(),
        lambda _, asking: asking.cancel(),
        lambda run, asking: (run.stop.set(), asking.cancel()),
    ],
)
def test_a_run_that_ends_gives_its_tokens_back_and_no_others(
    leave: Callable[[Run, "asyncio.Task[float | None]"], None],
) -> None:
    assert 58 <= tokens_left_for_others(leave) < 61


@pytest.mark.parametrize(("may_have_run", "expected"), [(False, -19), (True, 1)])
def test_after_a_failure_tokens_are_given_back_at_most_once_and_charged_at_least_once(
    may_have_run: bool, expected: float
) -> None:
    async def settle() -> float:
        network = Network()
        limiter = RemoteLimiter(Rates(tokens=60), network, asyncio.get_running_loop().time)
        await limiter.reserve([30])
        before = network.tokens
        limiter.settle(30, 10)
        limiter.settle(30, 31)
        network.failure = StepFailure("gone", may_have_run=may_have_run)
        with pytest.raises(StepFailure):
            await limiter.reserve([])
        network.failure = None
        await limiter.reserve([])
        return network.tokens - before

    assert expected == pytest.approx(run_at_once(settle()))


STATES = [b"", b"0", b"a", b"g 1 0 0", b"g 1 0 0 nan", b"\xff 1 0 0 inf"]
OTHERS = st.lists(st.sampled_from([*STATES, b"nan", b"inf"]), max_size=4)


@settings(max_examples=30)
@given(OTHERS | OTHERS.map(lambda rest: [b"1", b"g 1 0 0 0", *rest[:-1], b"nan"]))
def test_an_answer_of_another_program_is_a_failure(answer: list[bytes]) -> None:
    class Other(Network):
        async def run(self, _: Sequence[bytes | str]) -> list[bytes]:
            return answer

    limiter = RemoteLimiter(Rates(tokens=600), Other())
    limiter.settle(30, 31)
    with pytest.raises(StepFailure, match="none of mmpipe's script"):
        run_at_once(limiter.reserve([0]))
    assert limiter.has_news


def test_a_bug_in_the_steps_is_an_error_of_each_request() -> None:
    class Broken(Network):
        async def run(self, _: Sequence[bytes | str]) -> list[bytes]:
            raise ZeroDivisionError

    async def ask() -> list[float | BaseException]:
        async with opened(Broken(), AT_600) as run:
            first = await asyncio.gather(run.ask(), run.ask(), return_exceptions=True)
            return [*first, *await asyncio.gather(run.ask(), return_exceptions=True)]

    assert [ZeroDivisionError] * 3 == [type(error) for error in run_at_once(ask())]
