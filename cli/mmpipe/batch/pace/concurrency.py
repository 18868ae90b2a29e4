"""Limits how many requests are in flight: by what the service can bear, and by the files that the process may open."""

import asyncio
import resource
from collections import deque
from dataclasses import replace

from mmpipe.api.http.connection_pool import MAX_RESTING
from mmpipe.dataclass import dataclass

# The service refuses a sudden jump (FACTS.md, code 2045): a run begins with an eighth of its width, but within these.
_FIRST = 4
_MOST_FIRST = 128
_FEWEST_OVERLOADS = 2  # a single one changes nothing, once the maximum was reached
_SHARE = 10  # one overload in so many results is too much
_STEPS = 16  # windows of slow growth from nothing to the maximum
_OWN_DESCRIPTORS = 64  # files, streams and what libraries open


@dataclass(frozen=True, slots=True)
class ConcurrencyWindow:
    """The adaptive limit: `allowed` requests in flight, never more than `maximum`.

    Slow start to the maximum, unless an overload ends it; one halving for overloads; slow growth. A window is as many
    results as were allowed when it began; `left` of them are still to come. While `is_draining`, after a halving,
    results do not count: their requests were sent before it.
    """

    maximum: int
    allowed: int
    left: int
    overloads: int = 0
    is_slow_start: bool = True
    is_draining: bool = False

    @classmethod
    def first(cls, maximum: int) -> "ConcurrencyWindow":
        """The window that a run begins with."""
        allowed = min(maximum, max(_FIRST, min(_MOST_FIRST, -(-maximum // 8))))
        return cls(maximum, allowed, allowed)

    def after(self, *, overloaded: bool) -> "ConcurrencyWindow":
        """The window after one more result."""
        overloads = self.overloads + overloaded
        is_over_share = overloads * _SHARE >= self.allowed
        is_rising = self.is_slow_start and self.allowed < self.maximum
        is_too_much = is_rising or (overloads >= _FEWEST_OVERLOADS and is_over_share)
        if overloads and is_too_much and not self.is_draining:
            return self._next(self.allowed // 2, drain=self.allowed)
        # Each result without an overload makes place for one more request: a window doubles the last one without a jump at its end.
        allowed = self.allowed + (is_rising and not overloads)
        if self.left > 1:
            # `replace` is slower, and this runs for each result.
            return ConcurrencyWindow(
                self.maximum, allowed, self.left - 1, overloads, self.is_slow_start, self.is_draining
            )
        if self.is_draining or is_over_share:
            return self._next(self.allowed)
        if self.is_slow_start and not overloads:
            return replace(self._next(allowed), is_slow_start=True)
        # A share of the maximum: one by one, 200 in flight would need an hour to come back.
        return self._next(self.allowed + max(1, self.maximum // _STEPS))

    def _next(self, allowed: int, *, drain: int = 0) -> "ConcurrencyWindow":
        allowed = max(1, min(self.maximum, allowed))
        return ConcurrencyWindow(
            self.maximum, allowed, drain or allowed, is_slow_start=False, is_draining=drain > 0
        )


class AdaptiveSemaphore:
    """Admits as many requests as its window allows, first come, first served."""

    def __init__(self, window: ConcurrencyWindow) -> None:
        self.window = window
        self.in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self.in_use < self.window.allowed and not self._waiting:
            self.in_use += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            # `_release` counts this request before it wakes it.
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._release()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def finished(self, *, overloaded: bool) -> None:
        """Count one more result; call before the request is released."""
        self.window = self.window.after(overloaded=overloaded)

    def _release(self) -> None:
        self.in_use -= 1
        while self._waiting and self.in_use < self.window.allowed:
            place = self._waiting.popleft()
            if not place.cancelled():
                self.in_use += 1
                place.set_result(None)


def connection_capacity(wanted: int) -> int:
    """The number of connections, at most `wanted`, that the process can have open; raises its soft limit if needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    required = wanted + MAX_RESTING + _OWN_DESCRIPTORS
    if required > soft:
        # No further than needed: some programs that we start close every descriptor up to the limit.
        soft = required if hard == resource.RLIM_INFINITY else min(hard, required)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - _OWN_DESCRIPTORS))
