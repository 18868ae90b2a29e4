"""Runs one HTTP exchange so that time limits and signals work whatever it waits for.

Up to the head of the response a thread of its own performs it: a blocking call in the main thread cannot be ended, and name
resolution obeys neither timeouts nor Ctrl-C. The thread passes on what it reaches; the main thread waits with a clock. An
abandoned exchange ends by its own timeouts, or with the process.

The body is read in the main thread, for a short time at once: to pass each piece from one thread to another would take longer
than to decode it. A server that sends a comment every second never exceeds the timeout of a read; the clock decides.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Final, Self

from mmpipe.api.response_head import ResponseHead
from mmpipe.core.timeouts import Limits
from mmpipe.dataclass import dataclass
from mmpipe.errors import TimedOut

_AHEAD = 16  # arrivals that may wait for the main thread
_LOOK = 0.25  # seconds between two calls of `look`
_SUSPENDED = 0.5  # seconds between two looks at the arrivals, after which this process could not run
_LATE = 0.1  # seconds that a limit then waits for what came meanwhile


class Stage(Enum):
    """The progress of an exchange."""

    CONNECTING = "ready to connect"
    SECURING = "reached"
    SENDING = "connected"
    WAITING = "request sent"


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


@dataclass(frozen=True, slots=True)
class OpenBody:
    """The body of a response after its head. `read` takes seconds; b"" if none of it came in time, None at the end.

    `close` gives up the connection.
    """

    read: Callable[[float], bytes | None]
    close: Callable[[], None]


Arrival = Stage | ResponseHead | OpenBody | bytes
Perform = Callable[[Callable[[Arrival], None]], None]


@dataclass(frozen=True, slots=True)
class _LimitWords:
    """What an error says of a limit: the event that did not come in time, the option of the limit, and a hint."""

    event: str
    option: str
    hint: str = ""


_CONNECTION: Final = _LimitWords("no connection within", "--connect-timeout")
_REQUEST: Final = _LimitWords("the request could not be sent within", "--idle-timeout")
_BEGINNING: Final = _LimitWords("no answer began within", "--first-byte-timeout")
_WHOLE: Final = _LimitWords("no whole answer within", "--idle-timeout", "allow more, or use --wire stream")
_PAUSE: Final = _LimitWords("the answer stalled for", "--idle-timeout")


class Clock:
    """The time limit in force, and its end; `peer` names the server in errors."""

    def __init__(self, limits: Limits, *, begins_soon: bool, peer: object = "the service") -> None:
        self._limits, self._peer = limits, peer
        self._begins_soon = begins_soon
        self.enter(Stage.CONNECTING)

    def enter(self, stage: Stage) -> None:
        """Set the limit of the stage that the exchange has reached."""
        match stage:
            case Stage.CONNECTING:
                self._set(self._limits.connect, _CONNECTION)
            case Stage.SECURING:
                pass  # TLS belongs to the connection
            case Stage.SENDING:
                self._set(self._limits.idle, _REQUEST)
            case Stage.WAITING if self._begins_soon:
                self._set(self._limits.first_byte, _BEGINNING)
            case Stage.WAITING:
                # It is silent until it is done. Without this limit a server that is gone would be waited for in vain.
                self._set(self._limits.idle, _WHOLE)

    def progress(self, limit: float = math.inf) -> None:
        """Set the limit for the next part of the answer: the idle limit, and at most `limit` seconds."""
        # As `_set`, which would be one more call for each piece of a stream.
        self._limit, self._words = min(limit, self._limits.idle), _PAUSE
        self.end = min(time.monotonic() + self._limit, self._limits.deadline)

    def left(self) -> float:
        """Seconds until a limit is reached; raises TimedOut when one is."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise self.expired()
        return left

    def expired(self) -> TimedOut:
        """The error of the limit in force."""
        if self.end == self._limits.deadline:
            return TimedOut(f"{self._peer}: no whole answer within the total limit (--max-time)")
        words = self._words
        reached = f"{self._peer}: {words.event} {self._limit:g} s ({words.option})"
        return TimedOut(reached, hint=words.hint, retryable=True)

    def _set(self, limit: float, words: _LimitWords) -> None:
        self._limit, self._words = limit, words
        self.end = min(time.monotonic() + limit, self._limits.deadline)  # by the monotonic clock


class Exchange:
    """The arrivals of one exchange, in order; leaving the context abandons the exchange."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._arrivals: queue.Queue[Arrival | _Failure | None] = queue.Queue(_AHEAD)
        self._body: OpenBody | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="exchange")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()
        if self._body is not None:
            self._body.close()
        self._close_waiting()

    def arrivals(self, clock: Clock, look: Callable[[], None]) -> Iterator[Arrival]:
        """Yield the arrivals until the end; raises the error of the exchange, and TimedOut when a limit is reached.

        `look` is called a few times a second.
        """
        take: Callable[[float], Arrival | _Failure | None] = self._take
        now = time.monotonic()
        look_at = now + _LOOK
        late = 0  # arrivals that a limit still lets pass
        while True:
            before, now = now, time.monotonic()
            if now >= look_at:
                look()
                now = time.monotonic()
                look_at = now + _LOOK
            left = clock.end - now
            if left > 0:
                late = 0
                arrival = take(min(left, _LOOK))
            else:
                # A process that was suspended finds its limits reached: what came meanwhile still counts.
                late = (_AHEAD if now - before > _SUSPENDED else late) - 1
                arrival = take(_LATE) if late >= 0 else b""
                if arrival == b"":
                    raise clock.expired()
            if isinstance(arrival, bytes):
                # Empty for a moment without an arrival.
                if arrival:
                    yield arrival
            elif arrival is None:
                return
            elif isinstance(arrival, _Failure):
                raise arrival.error
            elif isinstance(arrival, OpenBody):
                self._body, take = arrival, arrival.read
            else:
                yield arrival

    def _take(self, seconds: float) -> Arrival | _Failure | None:
        """The next arrival of the thread; b"" if none came within so many seconds."""
        try:
            return self._arrivals.get(timeout=seconds)
        except queue.Empty:
            return b""

    def _close_waiting(self) -> None:
        """Close the body that nobody takes any more."""
        with suppress(queue.Empty):
            while True:
                arrival = self._arrivals.get_nowait()
                if isinstance(arrival, OpenBody):
                    arrival.close()

    def _run(self) -> None:
        with suppress(_Abandoned):
            try:
                self._perform(self._put)
            except Exception as error:  # noqa: BLE001  the boundary of the thread: the main thread raises it
                self._put(_Failure(error))
            else:
                self._put(None)

    def _put(self, arrival: Arrival | _Failure | None) -> None:
        while not self._abandoned.is_set():
            try:
                self._arrivals.put(arrival, timeout=_LOOK)
            except queue.Full:
                continue
            if self._abandoned.is_set():
                # Perhaps since the look before.
                self._close_waiting()
            return
        raise _Abandoned


class _Abandoned(BaseException):
    """The exchange was abandoned; on its way out of the thread this exception closes the connection."""
