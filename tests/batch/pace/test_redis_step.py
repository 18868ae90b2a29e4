"""The script on a real Redis server makes the steps of gcra.py, and notices a state that was lost."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpipe.batch.pace.gcra import LATEST_S, Rates, RateState
from mmpipe.batch.pace.remote_limiter import RemoteLimiter, Reservation
from mmpipe.config.limiter_address import LimiterAddress
from support.redis_server import RedisServer, need_redis, redis_server
from support.step_model import Stored, make_step

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("redis")]

KEY = "mmpipe:limit:test"


@pytest.fixture(scope="module")
def server(needs: Callable[[str], None]) -> Iterator[RedisServer]:
    need_redis(needs)
    with redis_server() as running:
        yield running


class Recorded:
    """The script on the server; the first argument, what the run remembers, is the test's, if there is one."""

    def __init__(self, server: RedisServer, memory: str | None = None) -> None:
        from mmpipe.batch.pace.redis_script import RedisScript

        self._script, self._memory = RedisScript(LimiterAddress.parse(server.url), KEY), memory
        self.arguments: Sequence[bytes | str] = ()
        self.answer: Sequence[bytes] = ()

    async def run(self, arguments: Sequence[bytes | str]) -> list[bytes]:
        self.arguments = arguments if self._memory is None else [self._memory, *arguments[1:]]
        found = await self._script.run(self.arguments)
        self.answer = found
        return found

    async def close(self) -> None:
        await self._script.close()


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
    server: RedisServer,
    stored: Stored | None,
    known: Stored | None,
    rates: Rates,
    settled: list[tuple[float, float]],
    held: float,
    tokens: list[float],
) -> None:
    with server.client() as client:
        seconds, micros = client.time()
        now = seconds + micros / 1e6
        value = at(stored, now)
        client.set(KEY, value)

        async def step() -> tuple[Recorded, Reservation]:
            script = Recorded(server, at(known, now))
            limiter = RemoteLimiter(rates, script)
            for pair in settled:
                limiter.settle(*pair)
            if held:
                limiter.pause(held)
            found = await limiter.reserve(tokens)
            await limiter.close()
            return script, found

        script, found = asyncio.run(step())
        expected, starts = make_step(value, script.arguments, found.now)
        assert (
            Stored.parse(expected) == Stored.parse(client.get(KEY)) == Stored.parse(script.answer[1].decode())
        )
        assert tuple(starts) == found.starts
        assert found.generation.decode() == expected.split()[0]
        assert 590 < client.ttl(KEY) < LATEST_S[2] + 610
