"""Lets signals end the work in an orderly way: what was begun is cleaned up, then the process dies by the signal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from mmpipe.errors import Interrupted

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first signal that asks the process to end raises Interrupted; a second one ends it at once.

    Python loses or wraps an exception that strikes in the wrong place, such as a destructor or an import. So the
    signal is also remembered, and Interrupted is what leaves the context, whatever became of the first one.
    A signal that the parent ignores (nohup, a job in the background) stays ignored.
    """
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDING}

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    except Exception:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise Interrupted(received[0])
