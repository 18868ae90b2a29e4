"""Lines go out when they are ready; records too far ahead wait, and held lines are written when the run ends."""

import asyncio

from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.result_writer import ResultWriter
from mmpipe.unix.streams import Streams


def test_a_record_far_ahead_of_one_that_is_missing_is_begun_later() -> None:
    async def wait() -> None:
        writer = ResultWriter(Streams.fake().stdout, None, lambda: None, StopSignal(), in_order=True)
        await writer.wait_for_capacity(9_999)
        waiting = asyncio.create_task(writer.wait_for_capacity(10_000))
        await asyncio.sleep(0)  # the task runs until it waits, or to its end
        assert not waiting.done()
        writer.put(0, b"0\n")
        await asyncio.wait_for(waiting, 60)

    asyncio.run(wait())


def test_nobody_waits_for_capacity_once_the_run_stops() -> None:
    async def wait() -> None:
        stop = StopSignal()
        writer = ResultWriter(Streams.fake().stdout, None, lambda: None, stop, in_order=True)
        waiting = asyncio.create_task(writer.wait_for_capacity(10_000))
        await asyncio.sleep(0)  # the task runs until it waits, or to its end
        assert not waiting.done()
        stop.set()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(wait())


def test_lines_held_for_a_missing_one_are_written_at_the_end() -> None:
    streams = Streams.fake()

    async def write() -> None:
        writer = ResultWriter(streams.stdout, None, lambda: None, StopSignal(), in_order=True)
        for index in (3, 1, 2):
            writer.put(index, b"%d\n" % index)
        writer.close()
        await asyncio.wait_for(writer.keep_written(), 5)

    asyncio.run(write())
    assert b"1\n2\n3\n" == streams.captured()[0]
