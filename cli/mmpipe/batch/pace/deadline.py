"""The deadline of a run (`--deadline`): also the time that the run takes to read its journal and its input counts."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from mmpipe.dataclass import dataclass
from mmpipe.errors import TimedOut

_ITEMS: Final = 256  # that are passed on between two looks at the clock

Item = TypeVar("Item")


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
