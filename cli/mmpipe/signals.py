"""Lets signals end the work in an orderly way: what was begun is cleaned up, then the process dies by the signal."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmpipe.errors import Interrupted

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


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
def interruptible() -> Iterator[None]:
    """Inside, the first signal that asks the process to end raises Interrupted; a second one ends it at once.

    Python loses or wraps an exception that strikes in the wrong place, such as a destructor or an import. So the
    signal is also remembered, and Interrupted is what leaves the context, whatever became of the first one.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        for each in ENDING:
            if signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
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
