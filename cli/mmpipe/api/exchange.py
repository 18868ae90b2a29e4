"""Runs one HTTP exchange in a thread of its own, so that limits on time and signals hold whatever it waits for.

A blocking call in the main thread cannot be ended: name resolution heeds neither timeouts nor Ctrl-C, and a server
that sends a comment every second never trips a read timeout. The thread does nothing but pass on what arrives; the
main thread waits with a clock. An exchange that is given up is left to its own timeouts, or to the end of the process.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from mmpipe.api.reception import Head
from mmpipe.core.timeouts import Limits
from mmpipe.errors import TimedOut

_AHEAD = 16  # pieces that may wait for a slow reader of stdout
_LOOK = 0.25  # seconds between two looks at what else may have happened


class Stage(Enum):
    """How far an exchange has come."""

    CONNECTING = "ready to connect"
    SENDING = "connected"
    WAITING = "request sent"


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


class _End(Enum):
    END = auto()


Arrival = Stage | Head | bytes
Perform = Callable[[Callable[[Arrival], None]], None]


class Clock:
    """Which limit holds now, and since when."""

    def __init__(self, limits: Limits, *, begins_soon: bool) -> None:
        self._limits = limits
        self._first = limits.first_byte if begins_soon else limits.idle
        self._first_option = "--first-byte-timeout" if begins_soon else "--idle-timeout"
        self.enter(Stage.CONNECTING)

    def enter(self, stage: Stage) -> None:
        """The exchange has come to `stage`."""
        match stage:
            case Stage.CONNECTING:
                self._set(self._limits.connect, "no connection within", "--connect-timeout")
            case Stage.SENDING:
                self._set(self._limits.idle, "the request could not be sent within", "--idle-timeout")
            case Stage.WAITING:
                self._set(self._first, "no answer began within", self._first_option)

    def progress(self, limit: float = math.inf) -> None:
        """A part of the answer has come; the next must follow within the idle limit, and within `limit` seconds."""
        self._set(min(limit, self._limits.idle), "the answer stood still for", "--idle-timeout")

    def left(self) -> float:
        """Seconds until a limit is reached; raises TimedOut when one is."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise self.expired()
        return left

    @property
    def end(self) -> float:
        """When the next limit is reached, by the monotonic clock."""
        return min(self._end, self._limits.deadline)

    def expired(self) -> TimedOut:
        """The error of the limit that is reached next, or was."""
        if self._limits.deadline <= self._end:
            return TimedOut("no whole answer within the total limit (--max-time)")
        return TimedOut(f"{self._what} {self._limit:g} s ({self._option})", retryable=True)

    def _set(self, limit: float, what: str, option: str) -> None:
        self._limit, self._what, self._option = limit, what, option
        self._end = time.monotonic() + limit


class Exchange:
    """What arrives of one exchange, in order; leaving the context gives the exchange up."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._arrivals: queue.Queue[Arrival | _Failure | _End] = queue.Queue(_AHEAD)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="exchange")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()

    def arrivals(self, seconds_left: Callable[[], float], look: Callable[[], None]) -> Iterator[Arrival]:
        """Yield what arrives until the end; raises what the exchange raised.

        `seconds_left` raises when a limit is reached; `look` is called some times a second, whatever comes.
        """
        looked = time.monotonic()
        while True:
            if time.monotonic() - looked >= _LOOK:
                look()
                looked = time.monotonic()
            try:
                arrival = self._arrivals.get(timeout=min(_LOOK, seconds_left()))
            except queue.Empty:
                continue
            if isinstance(arrival, _Failure):
                raise arrival.error
            if isinstance(arrival, _End):
                return
            yield arrival

    def _run(self) -> None:
        with suppress(_GivenUp):
            try:
                self._perform(self._put)
            except Exception as error:  # noqa: BLE001  the boundary of the thread: the waiter is to have it
                self._put(_Failure(error))
            else:
                self._put(_End.END)

    def _put(self, arrival: Arrival | _Failure | _End) -> None:
        while not self._given_up.is_set():
            try:
                self._arrivals.put(arrival, timeout=_LOOK)
            except queue.Full:
                continue
            return
        raise _GivenUp


class _GivenUp(BaseException):
    """Nobody waits for this exchange any more; on its way out of the thread it closes the connection."""
