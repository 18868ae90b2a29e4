"""Lets signals end the work in an orderly way: what was begun is cleaned up, then the process dies by the signal."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mmpipe.errors import Interrupted

_TOGETHER = 0.5  # seconds
# Seconds that a wait for input may take at a time: a signal that comes just before the wait begins does not end it.
AT_A_TIME = 0.25
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


@contextmanager
def handled(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Inside, `handler` gets the signals that ask the process to end.

    What the parent ignores (nohup, a job in the background) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, old in before.items():
        if old != signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Inside, such a signal waits until the function that is given is called, or else until the end.

    For what must not be interrupted halfway, such as a child that runs already while nobody knows its number.
    """
    received: list[int] = []
    stack = ExitStack()
    stack.enter_context(handled(lambda number, _: received.append(number)))

    def let_through() -> None:
        stack.close()
        while received:
            signal.raise_signal(received.pop(0))

    try:
        yield let_through
    finally:
        let_through()


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first signal that asks the process to end raises Interrupted; a later one ends it at once.

    Those that come together with the first, such as the hang-up of a terminal and that of its shell, are one with it.

    Python loses or wraps an exception that strikes in the wrong place, such as a destructor or an import. So the
    signal is also remembered, and Interrupted is what leaves the context, whatever became of the first one.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        began = time.monotonic()

        def end_at_once(second: int, _: object) -> None:
            if time.monotonic() - began > _TOGETHER:
                signal.signal(second, signal.SIG_DFL)
                signal.raise_signal(second)

        for each in ENDING:
            # No default yet: Python complains of it for one that has come at the same time.
            if signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, end_at_once)
        raise Interrupted(number)

    try:
        with handled(interrupt):
            yield
    except Exception:
        if received:
            raise Interrupted(received[0]) from None
        raise
    if received:
        raise Interrupted(received[0])
