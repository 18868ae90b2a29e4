"""Items come out of a blocking iterator in order, as soon as they are there, and never far ahead of their use."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from mmpipe.batch.background_reader import BackgroundReader
from mmpipe.errors import InputError


async def following(feed: BackgroundReader[int], items: Iterator[int | None]) -> int | None:
    """The next item, waited for; None at the end."""
    for item in items:
        if item is not None:
            return item
        await asyncio.wait_for(feed.arrival(), 20)
    return None


def taken(items: Iterator[int], ahead: int = 4, takers: int = 1) -> list[int]:
    async def take(feed: BackgroundReader[int], at_hand: Iterator[int | None], into: list[int]) -> None:
        while (item := await following(feed, at_hand)) is not None:
            into.append(item)

    async def all_of_them() -> list[int]:
        feed, out = BackgroundReader(items, ahead), list[int]()
        at_hand = feed.at_hand()
        await asyncio.gather(*(take(feed, at_hand, out) for _ in range(takers)))
        return out

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("takers", [1, 5])
def test_every_item_comes_once(takers: int) -> None:
    assert list(range(1000)) == sorted(taken(iter(range(1000)), takers=takers))


def test_nothing_is_nothing() -> None:
    assert [] == taken(iter(()), takers=3)


def test_an_item_comes_while_the_next_is_not_there() -> None:
    later = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        assert later.wait(20)
        yield 2

    async def both() -> tuple[int | None, int | None]:
        feed = BackgroundReader(slow(), 4)
        at_hand = feed.at_hand()
        first = await following(feed, at_hand)
        assert None is next(at_hand)
        later.set()
        return first, await following(feed, at_hand)

    assert (1, 2) == asyncio.run(both())


def test_no_more_is_read_than_may_wait() -> None:
    read: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    async def some() -> int:
        feed = BackgroundReader(counted(), ahead=10)
        at_hand = feed.at_hand()
        for _ in range(5):
            await following(feed, at_hand)
        await asyncio.sleep(0.2)
        return len(read)

    # One more is in the hand of the thread, which waits for room.
    assert asyncio.run(some()) <= 5 + 10 + 1


def test_what_goes_wrong_with_reading_is_raised_after_what_was_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise InputError("no more")

    async def both() -> None:
        feed = BackgroundReader(broken(), 4)
        at_hand = feed.at_hand()
        assert 1 == await following(feed, at_hand)
        with pytest.raises(InputError, match="no more"):
            await following(feed, at_hand)

    asyncio.run(both())


def test_a_feed_that_is_closed_gives_nothing_and_holds_nobody() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            number += 1
            time.sleep(0.001)
            yield number

    async def closed() -> set[int | None]:
        feed = BackgroundReader(endless(), 2)
        at_hand = feed.at_hand()
        assert await following(feed, at_hand) is not None
        waiting = [asyncio.create_task(following(feed, at_hand)) for _ in range(50)]
        await asyncio.sleep(0)
        feed.close()
        return set((await asyncio.wait_for(asyncio.gather(*waiting), 5))[-10:])

    assert {None} == asyncio.run(closed())
