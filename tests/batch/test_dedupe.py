"""Identical requests are asked once: duplicates share the answer, at once or when it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mmpipe.batch.dedupe import JournalAnswers, RecentAnswers, RequestCoalescer
from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.records.records import Record
from mmpipe.core.request import Request
from support.journals import asked
from support.journals import record as journal_line


def record(index: int, asks: str = "the same") -> Record:
    request = Request("M", ({"role": "user", "content": asks},))
    return Record(index, f"{index}", "in", index, request, asked(asks), {})


Given = list[tuple[int, bytes, str | None]]


def whole(work: Callable[[RequestCoalescer], Awaitable[None]]) -> Given:
    given: Given = []

    async def run() -> None:
        await work(
            RequestCoalescer(
                RecentAnswers(),
                lambda record, line, cause: given.append((record.index, line, cause)),
                StopSignal(),
            )
        )

    asyncio.run(run())
    return given


def test_the_first_record_is_asked_and_duplicates_meanwhile_share_its_answer() -> None:
    async def work(coalescer: RequestCoalescer) -> None:
        assert [False, True, False, True] == [
            await coalescer.shares_answer(one)
            for one in (record(0), record(1), record(2, "other"), record(3))
        ]
        coalescer.settle(record(0), b"line", 0, None)

    assert [(1, b"line", None), (3, b"line", None)] == whole(work)


def test_later_duplicates_share_the_answer_too() -> None:
    async def work(coalescer: RequestCoalescer) -> None:
        assert not await coalescer.shares_answer(record(0))
        coalescer.settle(record(0), b"line", 0, None)
        assert await coalescer.shares_answer(record(1))

    assert [(1, b"line", None)] == whole(work)


def test_waiting_duplicates_share_a_failure_and_later_ones_are_asked_anew() -> None:
    async def work(coalescer: RequestCoalescer) -> None:
        for index in range(2):
            await coalescer.shares_answer(record(index))
        coalescer.settle(record(0), b"bad", 0, "server")
        assert not await coalescer.shares_answer(record(2))

    assert [(1, b"bad", "server")] == whole(work)


def test_an_endless_pipe_does_not_fill_the_memory() -> None:
    answers = RecentAnswers()
    for index in range(5000):
        answers.keep(index.to_bytes(16), b"x" * 10_000, 0)
    assert None is answers.get((0).to_bytes(16))
    assert b"x" * 10_000 == answers.get((4999).to_bytes(16))


@pytest.mark.parametrize("flushed", [True, False])
def test_with_a_journal_every_answer_is_remembered_by_its_place(tmp_path: Path, flushed: bool) -> None:
    pending: list[bytes] = []
    with open_journal(str(tmp_path / "out.jsonl"), resume=False, overwrite=False) as journal:

        def flush() -> None:
            journal.append(pending)
            pending.clear()

        answers = JournalAnswers(journal, flush)
        places = {}
        for name in ("a", "b"):
            places[name] = journal.end + sum(map(len, pending))
            pending.append(journal_line(name))
            answers.keep(name.encode() * 16, pending[-1], places[name])
        if flushed:
            flush()
        assert journal_line("b") == answers.get(b"b" * 16)
        assert journal_line("a") == answers.get(b"a" * 16)
        assert None is answers.get(b"c" * 16)
