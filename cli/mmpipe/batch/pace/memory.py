"""The memory of the requests in flight: a record with images may have many megabytes, and a thousand may be in flight."""

from typing import Final

from mmpipe.batch.pace.condition import Condition, StopSignal

_MOST: Final = 128 << 20  # bytes of requests; each is there twice while it is sent


class MemoryBudget:
    """The bytes of the requests that were taken in and have no result yet. One more record may always be taken in below `most`."""

    def __init__(self, stop: StopSignal, most: int = _MOST) -> None:
        self._condition, self._most = Condition(stop), most
        self._held: dict[int, int] = {}
        self._total = 0

    async def wait_for_capacity(self) -> None:
        """Return when one more record may be taken in, or when the run stops."""
        if self._total >= self._most:
            await self._condition.until(lambda: self._total < self._most)

    def hold(self, index: int, size: int) -> None:
        """Count the bytes of a record's request."""
        self._held[index] = size
        self._total += size

    def settle(self, index: int) -> None:
        """Count a record no longer: it has its result."""
        self._total -= self._held.pop(index, 0)
        self._condition.changed()
