"""Turns signals into an orderly end: the work is cleaned up, then the process dies by the signal."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mmpipe.errors import Interrupted

_TOGETHER = 0.5  # seconds in which several signals count as one
# Seconds; the longest single wait for input, since a signal just before a wait does not end it.
MAX_WAIT = 0.25
ENDING_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


@contextmanager
def handle_signals(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Pass the signals that ask the process to end to `handler` inside the context.

    A signal that the parent ignores (nohup, a job in the background) stays ignored. Outside the main thread, which alone
    gets signals, the context changes nothing.
    """
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    for number, old in before.items():
        if old != signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def delay_signals() -> Iterator[Callable[[], None]]:
    """Delay such signals until the yielded function is called, or until the end of the context.

    For work that must not be interrupted halfway, such as starting a child before its number is known.
    """
    received: list[int] = []
    stack = ExitStack()
    stack.enter_context(handle_signals(lambda number, _: received.append(number)))

    def deliver() -> None:
        stack.close()
        while received:
            signal.raise_signal(received.pop(0))

    try:
        yield deliver
    finally:
        deliver()


@contextmanager
def raise_interrupts() -> Iterator[None]:
    """Raise Interrupted inside the context at the first signal that asks the process to end; a later one ends it at once.

    Signals within half a second of the first count as one, such as the hang-ups of a terminal and of its shell.

    Python loses or wraps an exception that is raised in a destructor or an import. So the signal is also remembered,
    and the context always ends with Interrupted.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        start = time.monotonic()

        def end_at_once(second: int, _: object) -> None:
            if time.monotonic() - start > _TOGETHER:
                signal.signal(second, signal.SIG_DFL)
                signal.raise_signal(second)

        for each in ENDING_SIGNALS:
            # Not the default yet: Python complains about that if the signal is already pending.
            if signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, end_at_once)
        raise Interrupted(number)

    try:
        with handle_signals(interrupt):
            yield
    except Exception:
        if received:
            raise Interrupted(received[0]) from None
        raise
    if received:
        raise Interrupted(received[0])
