"""The event loop of a run: its signals, its garbage collection, and an end that waits for no thread."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Final

from mmpipe.unix.signals import ENDING_SIGNALS

_ALLOCATIONS: Final = 50_000  # between two collections of the youngest objects


@contextmanager
def handle_signals(end: Callable[[int], None]) -> Iterator[None]:
    """Inside, call `end` with the number of each signal that asks the process to end, except ignored ones."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    handled = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in handled:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


@contextmanager
def clear_before_stop(clear: Callable[[], None]) -> Iterator[None]:
    """Inside, call `clear` before Ctrl-Z (SIGTSTP) stops the process, so that the shell's prompt finds a clean line."""
    if signal.getsignal(signal.SIGTSTP) == signal.SIG_IGN:
        yield
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        clear()
        # Removing the handler restores the default, by which this process stops here, until it is continued.
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)
        loop.add_signal_handler(signal.SIGTSTP, stop)

    loop.add_signal_handler(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


@contextmanager
def collect_less() -> Iterator[None]:
    """Inside this context, collect garbage less often, and never scan the objects that existed before.

    The SDK creates more than fifty thousand objects. Scanning them in every collection took a quarter of the
    processor's time, with a thousand requests in flight. Most new objects are freed without the collector.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run_event_loop(main: Coroutine[None, None, None]) -> None:
    """Run like asyncio.run, but wait for no thread at the end: one may hang in a name look-up, or in a write."""
    try:
        loop = asyncio.new_event_loop()
    except BaseException:
        # Otherwise Python would warn that it was never run.
        main.close()
        raise
    try:
        loop.run_until_complete(main)
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
