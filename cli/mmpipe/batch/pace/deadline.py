"""The deadline of a run (`--deadline`): the time to read its journal and input, and to start a cluster, counts too."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from mmpipe.dataclass import dataclass
from mmpipe.errors import TimedOut

_ITEMS: Final = 256  # that are passed on between two looks at the clock

Item = TypeVar("Item")
Entered = TypeVar("Entered")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a run, so many seconds after it `began` (by time.monotonic); None is no end."""

    seconds: float | None
    began: float

    @property
    def left(self) -> float | None:
        """Seconds until the end, not below 0."""
        return None if self.seconds is None else max(0.0, self.began + self.seconds - time.monotonic())

    def error(self) -> TimedOut:
        """The reason of the end."""
        return TimedOut(f"the run is not done within --deadline {self.seconds:g}")

    def check(self) -> None:
        """Raise TimedOut after the end."""
        if self.left == 0.0:
            raise self.error()

    @asynccontextmanager
    async def enter(self, context: AbstractAsyncContextManager[Entered]) -> AsyncIterator[Entered]:
        """Be inside another context; raises TimedOut if it is not entered before the end."""
        async with AsyncExitStack() as stack:
            alarm = asyncio.timeout(self.left)
            try:
                async with alarm:
                    entered = await stack.enter_async_context(context)
            except TimeoutError:
                if alarm.expired():
                    raise self.error() from None
                raise
            yield entered

    def hold(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass the items on until the end, and then raise TimedOut."""
        for item in items:
            self.check()
            yield item

    def hold_many(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass on items that are so short that the clock is looked at only now and then."""
        for number, item in enumerate(items):
            if number % _ITEMS == 0:
                self.check()
            yield item
