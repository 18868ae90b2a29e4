"""The requests in flight have a limit in bytes, whatever their number."""

import asyncio

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.memory import MemoryBudget


def test_a_record_waits_until_there_is_capacity_or_the_run_stops() -> None:
    async def run() -> None:
        stop = StopSignal()
        memory = MemoryBudget(stop, most=100)
        await memory.wait_for_capacity()
        memory.hold(0, 250)  # a single record may be larger than the limit
        memory.hold(1, 50)
        waiting = asyncio.create_task(memory.wait_for_capacity())
        memory.settle(1)
        memory.settle(7)
        await asyncio.sleep(0)
        assert not waiting.done()
        memory.settle(0)
        await waiting
        memory.hold(2, 100)
        waiting = asyncio.create_task(memory.wait_for_capacity())
        await asyncio.sleep(0)
        stop.set()
        await waiting

    asyncio.run(run())
