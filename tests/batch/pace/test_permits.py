import asyncio

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.gcra import Rates
from mmpipe.batch.pace.limiter import LocalLimiter
from mmpipe.batch.pace.permits import Permits
from mmpipe.core.request import Request

REQUEST = Request("MiniMax-M3", ())


def test_a_run_that_stops_gives_its_tokens_back_to_every_limiter() -> None:
    limiters = [LocalLimiter(Rates(tokens=60), clock=lambda: 0.0) for _ in range(2)]

    async def acquire() -> float | None:
        stop = StopSignal()
        stop.set()
        return await Permits(limiters, lambda _: 600).acquire(REQUEST, stop)

    assert asyncio.run(acquire()) is None
    assert [0.0, 0.0] == [limiter.reserve(1) for limiter in limiters]
