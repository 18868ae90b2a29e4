"""A blocking iterator gives its items in order, as soon as they are there, and is never read far ahead."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from mmpipe.batch.intake import BackgroundReader
from mmpipe.errors import InputError


async def following(reader: BackgroundReader[int], items: Iterator[int | None]) -> int | None:
    """The next item, waited for; None at the end."""
    for item in items:
        if item is not None:
            return item
        await asyncio.wait_for(reader.arrival(), 20)
    return None


def taken(items: Iterator[int], ahead: int = 4, takers: int = 1) -> list[int]:
    async def take(reader: BackgroundReader[int], available: Iterator[int | None], into: list[int]) -> None:
        while (item := await following(reader, available)) is not None:
            into.append(item)

    async def all_of_them() -> list[int]:
        reader, out = BackgroundReader(items, ahead), list[int]()
        available = reader.available()
        await asyncio.gather(*(take(reader, available, out) for _ in range(takers)))
        return out

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("takers", [1, 5])
def test_every_item_comes_once(takers: int) -> None:
    assert list(range(1000)) == sorted(taken(iter(range(1000)), takers=takers))


def test_an_empty_input_gives_no_item() -> None:
    assert [] == taken(iter(()), takers=3)


def test_an_item_is_given_before_the_next_one_is_there() -> None:
    later = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        assert later.wait(20)
        yield 2

    async def both() -> tuple[int | None, int | None]:
        reader = BackgroundReader(slow(), 4)
        available = reader.available()
        first = await following(reader, available)
        assert None is next(available)
        later.set()
        return first, await following(reader, available)

    assert (1, 2) == asyncio.run(both())


def test_all_that_wait_share_the_records_of_one_piece() -> None:
    sent = threading.Event()

    def pieces() -> Iterator[int]:
        assert sent.wait(20)
        yield 3
        sent.clear()
        sent.wait(20)

    async def all_of_them() -> set[int]:
        reader = BackgroundReader(pieces(), 2)
        records = (
            record for size in reader.available() for record in (range(size) if size is not None else [None])
        )

        async def take() -> int:
            while (record := next(records)) is None:
                await reader.arrival()
            return record

        takers = [asyncio.create_task(take()) for _ in range(3)]
        await asyncio.sleep(0)
        sent.set()
        return set(await asyncio.wait_for(asyncio.gather(*takers), 5))

    try:
        assert {0, 1, 2} == asyncio.run(all_of_them())
    finally:
        sent.set()


def test_the_reader_stays_within_its_limit_ahead() -> None:
    read: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    async def some() -> int:
        reader = BackgroundReader(counted(), ahead=10)
        available = reader.available()
        for _ in range(5):
            await following(reader, available)
        await asyncio.sleep(0.2)
        return len(read)

    # One more is in the hand of the thread, which waits for room.
    assert asyncio.run(some()) <= 5 + 10 + 1


def test_a_reading_error_is_raised_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise InputError("no more")

    async def both() -> None:
        reader = BackgroundReader(broken(), 4)
        available = reader.available()
        assert 1 == await following(reader, available)
        with pytest.raises(InputError, match="no more"):
            await following(reader, available)

    asyncio.run(both())


def test_a_closed_reader_gives_nothing_and_blocks_nobody() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            number += 1
            time.sleep(0.001)
            yield number

    async def closed() -> set[int | None]:
        reader = BackgroundReader(endless(), 2)
        available = reader.available()
        assert await following(reader, available) is not None
        waiting = [asyncio.create_task(following(reader, available)) for _ in range(50)]
        await asyncio.sleep(0)
        reader.close()
        return set((await asyncio.wait_for(asyncio.gather(*waiting), 5))[-10:])

    assert {None} == asyncio.run(closed())
