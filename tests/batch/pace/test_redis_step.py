"""The script on a real Redis server makes the steps of gcra.py, and notices a state that was lost."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.pace.gcra import LATEST_S, Rates, RateState
from mmpipe.batch.pace.remote_limiter import RemoteLimiter
from mmpipe.config.limiter_address import LimiterAddress
from support.redis_server import RedisServer, need_redis, redis_server
from support.step_model import Stored, make_step

if TYPE_CHECKING:
    import redis

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("redis")]

KEY = "mmpipe:limit:test"


class Recorded:
    """The script on the server, by one connection; what the run remembers, its first argument, is the test's."""

    def __init__(self, server: RedisServer) -> None:
        # Loaded only where the client of Redis is installed.
        from mmpipe.batch.pace.redis_script import RedisScript

        self._script = RedisScript(LimiterAddress.parse(server.url), KEY)
        self.memory = ""
        self.arguments: Sequence[bytes | str] = ()
        self.answer: Sequence[bytes] = ()

    async def run(self, arguments: Sequence[bytes | str]) -> list[bytes]:
        self.arguments = [self.memory, *arguments[1:]]
        found = await self._script.run(self.arguments)
        self.answer = found
        return found

    async def close(self) -> None:
        await self._script.close()


@dataclass
class Bench:
    """A server with a client, and the script on it in one event loop."""

    client: "redis.Redis"
    script: Recorded
    loop: asyncio.Runner


@pytest.fixture(scope="module")
def bench(needs: Callable[[str], None]) -> Iterator[Bench]:
    need_redis(needs)
    with redis_server() as running, running.client() as client, asyncio.Runner() as loop:
        script = Recorded(running)
        yield Bench(client, script, loop)
        loop.run(script.close())


RATE = st.none() | st.floats(1, 1e6)
# Seconds from now.
TIMES = st.builds(
    RateState,
    st.floats(-100, 2 * LATEST_S[0]) | st.floats(-2, 2),
    st.floats(-100, 2 * LATEST_S[1]) | st.floats(-2, 2),
    st.floats(-100, 2 * LATEST_S[2]) | st.floats(-2, 2),
)
VALUES = st.none() | st.builds(Stored, st.sampled_from("ab"), st.integers(0, 3), TIMES)


def at(value: Stored | None, now: float) -> str:
    """The value with times from `now` on."""
    if value is None:
        return ""
    times = (now + value.state.requests, now + value.state.tokens, now + value.state.paused_until)
    return str(Stored(value.generation, value.count, RateState(*times)))


@settings(max_examples=150)
@given(
    stored=VALUES,
    known=VALUES,
    rates=st.builds(Rates, RATE, RATE),
    settled=st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=3),
    held=st.just(0.0) | st.floats(0, 1e5),
    tokens=st.lists(st.floats(0, 1e5), max_size=5),
)
def test_a_step_on_the_server_is_a_step_of_the_pure_functions(
    bench: Bench,
    stored: Stored | None,
    known: Stored | None,
    rates: Rates,
    settled: list[tuple[float, float]],
    held: float,
    tokens: list[float],
) -> None:
    script, limiter = bench.script, RemoteLimiter(rates, bench.script)
    now = time.time()
    value, script.memory = at(stored, now), at(known, now)
    bench.client.set(KEY, value)
    for pair in settled:
        limiter.settle(*pair)
    if held:
        limiter.pause(held)
    found = bench.loop.run(limiter.reserve(tokens))
    expected, starts = make_step(value, script.arguments, found.now)
    kept = str(bench.client.get(KEY))
    assert Stored.parse(expected) == Stored.parse(kept) == Stored.parse(script.answer[1].decode())
    assert tuple(starts) == found.starts
    assert found.generation.decode() == expected.split()[0]
    assert abs(found.now - now) < 60
    assert 590 < float(str(bench.client.ttl(KEY))) < LATEST_S[2] + 610
