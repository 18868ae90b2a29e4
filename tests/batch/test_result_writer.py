"""Lines go out when they are ready; records too far ahead wait, and held lines are written when the run ends."""

import asyncio
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.result_writer import ResultSink, ResultWriter
from mmpipe.errors import OutputError
from mmpipe.unix.streams import Output, Streams
from support.full_disk import largest_file


def test_a_record_far_ahead_of_one_that_is_missing_is_begun_later() -> None:
    async def wait() -> None:
        writer = ResultWriter(ResultSink(Streams.fake().stdout), None, StopSignal(), in_order=True)
        await writer.wait_for_capacity(9_999)
        waiting = asyncio.create_task(writer.wait_for_capacity(10_000))
        await asyncio.sleep(0)  # the task runs until it waits, or to its end
        assert not waiting.done()
        writer.put(0, b"0\n", is_good=True)
        await asyncio.wait_for(waiting, 60)

    asyncio.run(wait())


def test_nobody_waits_for_capacity_once_the_run_stops() -> None:
    async def wait() -> None:
        stop = StopSignal()
        writer = ResultWriter(ResultSink(Streams.fake().stdout), None, stop, in_order=True)
        waiting = asyncio.create_task(writer.wait_for_capacity(10_000))
        await asyncio.sleep(0)  # the task runs until it waits, or to its end
        assert not waiting.done()
        stop.set()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(wait())


def test_lines_held_for_a_missing_one_are_written_at_the_end() -> None:
    streams = Streams.fake()

    async def write() -> None:
        writer = ResultWriter(ResultSink(streams.stdout), None, StopSignal(), in_order=True)
        for index in (3, 1, 2):
            writer.put(index, b"%d\n" % index, is_good=True)
        writer.close()
        await asyncio.wait_for(writer.keep_written(), 5)

    asyncio.run(write())
    assert b"1\n2\n3\n" == streams.captured()[0]


@pytest.mark.parametrize("capacity", [0, 1, 9, 10, 11, 45, 99])
@pytest.mark.parametrize("is_journal", [True, False])
def test_on_a_full_disk_the_lines_that_are_not_in_the_file_are_counted(
    tmp_path: Path, capacity: int, is_journal: bool
) -> None:
    lines = [b"%d in ten.\n" % number for number in range(10)]
    path = tmp_path / "out"

    async def write(writer: ResultWriter) -> None:
        for index, line in enumerate(lines):
            writer.put(index, line, is_good=True)
        writer.close()
        with largest_file(capacity), pytest.raises(OutputError):
            await writer.keep_written()
        kept = path.read_bytes().count(b"\n")
        assert (capacity // 10, 10 - capacity // 10) == (kept, writer.unwritten)

    if is_journal:
        with open_journal(str(path), resume=False, overwrite=False) as journal:
            writer = ResultWriter(ResultSink(Streams.fake().stdout), journal, StopSignal(), in_order=False)
            asyncio.run(write(writer))
    else:
        with path.open("wb") as file:
            output = Output(file.fileno(), "standard output", is_main=True)
            asyncio.run(write(ResultWriter(ResultSink(output), None, StopSignal(), in_order=False)))
