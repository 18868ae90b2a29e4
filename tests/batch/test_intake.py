"""Records are taken in while the requests without a result are below their limit in bytes, so that memory is bounded."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import pytest
from msgspec.structs import replace

from mmpipe.batch.delivery import Delivery, RunOutput
from mmpipe.batch.engine import Outcome
from mmpipe.batch.input_check import RecordSource
from mmpipe.batch.intake import RecordIntake
from mmpipe.batch.pace.budgets import EndingRules
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.pace.memory import MemoryBudget
from mmpipe.batch.records.records import FoundRecord, Record, read_records
from mmpipe.batch.records.sources import Piece
from mmpipe.batch.result_writer import ResultSink, ResultWriter
from mmpipe.batch.summary import RunSummary
from mmpipe.core.reply import Attempts, Reply
from mmpipe.errors import ServerError
from mmpipe.unix.streams import Streams
from mmpipe.writers.console import Console
from mmpipe.writers.options import Verbosity
from support.record_reading import ANY_FORMAT, LINES, whole


def source(content: bytes) -> RecordSource:
    def records(pieces: Iterable[Piece | None]) -> Iterator[FoundRecord | None]:
        return read_records(pieces, LINES, ANY_FORMAT)

    return RecordSource(iter(whole(content)), records, takes=lambda _: True, checked=True)


def settle_by_answer(delivery: Delivery, record: Record) -> bytes:
    return delivery.deliver(Outcome(record, Reply(), Attempts(1), ServerError("down")), None).line


def settle_by_copy(delivery: Delivery, record: Record) -> None:
    line = settle_by_answer(delivery, replace(record, index=99))
    delivery.copy(record, line, "server")


@pytest.mark.parametrize("settle", [settle_by_copy, settle_by_answer])
def test_a_record_is_not_built_before_the_requests_in_flight_leave_memory_for_it(
    settle: Callable[[Delivery, Record], object],
) -> None:
    async def run() -> None:
        stop, streams = StopSignal(), Streams.fake()
        output = RunOutput(ResultSink(streams.stdout), None, RunSummary(), Console(streams, Verbosity(), {}))
        writer = ResultWriter(ResultSink(streams.stdout), None, stop, in_order=False)
        delivery = Delivery(output, writer, EndingRules(None, 1, lambda _: None), MemoryBudget(stop, most=10))
        intake = RecordIntake(source(b"a" * 6 + b"\n" + b"b" * 6 + b"\nc\nd\n"), None, delivery, stop)
        first, second = await intake.next_record(), await intake.next_record()
        waiting = asyncio.create_task(intake.next_record())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        assert isinstance(second, Record)
        settle(delivery, second)
        third = await asyncio.wait_for(waiting, 60)
        assert first is not None
        assert third is not None
        assert [0, 1, 2] == [first.index, second.index, third.index]
        stop.set()

    asyncio.run(run())
