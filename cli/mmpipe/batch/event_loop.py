"""The loop that a run lives in: which signals it hears, how often garbage is looked for, and that no thread holds it up."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Final

from mmpipe.unix.signals import ENDING

_ALLOCATIONS: Final = 50_000  # between two looks at the youngest objects


@contextmanager
def handle_signals(end: Callable[[int], None]) -> Iterator[None]:
    """Inside, `end` is called with the number of each signal that asks the process to end."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in ENDING}
    heeded = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


@contextmanager
def collecting_less() -> Iterator[None]:
    """Inside, what is there already is no garbage, and what comes is mostly freed without the collector.

    The SDK leaves more than fifty thousand objects, which the collector would look through again and again: with a thousand
    requests in flight that was a quarter of the processor's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run(whole: Coroutine[None, None, None]) -> None:
    """As asyncio.run, except that no thread is waited for: one may hang in the look-up of a name, or in a write."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(whole)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
