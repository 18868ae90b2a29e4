"""An event loop whose clock jumps to the next timer: hours pass in a moment, for code without sockets and threads."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

Result = TypeVar("Result")


class _NoWait(selectors.SelectSelector):
    """Selects nothing, and moves the clock by the time for which it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits, and no timer runs"
        self.now += max(0.0, timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _NoWait) -> None:
        super().__init__(selector)
        self._clock = selector

    def time(self) -> float:
        return self._clock.now


def run_at_once(main: Coroutine[None, None, Result]) -> Result:
    """Run like asyncio.run, without waiting for any timer."""
    with asyncio.Runner(loop_factory=lambda: _Loop(_NoWait())) as runner:
        return runner.run(main)
