"""The limit of all runs on all hosts: the state of gcra.py on a Redis server, and what one run remembers of it."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from mmpipe.batch.pace.gcra import BURST_S, LATEST_S, LONGEST_DEBT_S, Rates, charge, difference
from mmpipe.dataclass import dataclass

# A permit that starts within this time is sent without a further look at the state. So a pause counts after this time for all
# runs, and a killed run wastes the permits of this time.
HORIZON: Final = 0.1  # seconds
# A permit that is later than the one before by more than this is not used. It would go together with the following ones, above
# the rate.
MOST_LATE: Final = 0.1  # seconds
# The first permit of a state that is new, perhaps since the server lost it: all permits of an older state are sent by then. The
# bucket begins empty.
FRESH_S: Final = 0.05 + HORIZON + MOST_LATE + BURST_S
# A state is kept for so long after its last time, and then is not needed: a new one allows no more.
_IDLE_S: Final = 600.0
_OTHER_ANSWER: Final = "the server gives an answer that is none of mmpipe's script"


class StepFailure(Exception):
    """No answer of the server; `may_have_run` is False if it has surely not made the step."""

    def __init__(self, reason: str, *, may_have_run: bool) -> None:
        super().__init__(reason)
        self.reason, self.may_have_run = reason, may_have_run


class StepServer(Protocol):
    """Runs step.lua over the state of one account."""

    async def run(self, arguments: Sequence[bytes | str]) -> list[bytes]:
        """Run the script once; raises StepFailure."""

    async def close(self) -> None:
        """Close the connection; the next run opens another."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer to a step: times of the server's clock, and the time of ours at which the server's was `now`.

    `starts` are the times of the permits that were reserved. A permit of another `generation` is not valid: the state
    was lost since.
    """

    now: float
    here: float
    generation: bytes
    paused_until: float
    starts: Sequence[float]

    @property
    def paused(self) -> float:
        """The seconds that are left of a pause."""
        return max(0.0, self.paused_until - self.now)

    def local(self, start: float) -> float:
        """The time of our clock for one of the server's."""
        return self.here + start - self.now


class RemoteLimiter:
    """The shared limit as one run sees it: at most one step at a time, and what changes meanwhile goes with the next.

    The run sends the state that it saw last along with each step. If the server has lost it, or is another one with older
    data, the later times count.
    """

    def __init__(self, rates: Rates, server: StepServer, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates
        self._server, self._clock = server, clock
        self._memory = b""
        self._settled: list[float] = []
        self._paused_until = 0.0
        self.has_news = False
        self.has_pause = False

    def settle(self, reserved: float, used: float) -> None:
        """Replace the reserved tokens by the used ones, with the next step."""
        if change := difference(self.rates, reserved, used):
            self._settled.append(change)
            self.has_news = True

    def pause(self, seconds: float) -> None:
        """Hold every request for so long: those of this run at once, those of other runs with the next step."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self.has_news = self.has_pause = True

    def paused(self) -> float:
        """The seconds that are left of a pause that this run began."""
        return max(0.0, self._paused_until - self._clock())

    async def reserve(self, tokens: Sequence[float]) -> Reservation:
        """Reserve a permit for the first of so many tokens, and for those behind it that start soon after it.

        Raises StepFailure. What is to be settled then goes with the next step, except tokens that the server may have
        been given back.
        """
        settled, self._settled = self._settled, []
        begin = self._clock()
        pause = self.paused() if self.has_pause else 0.0
        self.has_news = self.has_pause = False
        try:
            answer = await self._server.run([*self._arguments(settled, pause, tokens)])
            # The server's time was `now` somewhere between.
            found = _read(answer, (begin + self._clock()) / 2, len(tokens))
        except BaseException as error:
            may_have_run = not isinstance(error, StepFailure) or error.may_have_run
            self._settled[:0] = [change for change in settled if change > 0 or not may_have_run]
            self.has_pause = self.has_pause or pause > 0
            self.has_news = self.has_pause or bool(self._settled)
            raise
        self._memory = answer[1]
        return found

    async def close(self) -> None:
        """Close the connection."""
        await self._server.close()

    def _arguments(
        self, settled: Sequence[float], pause: float, tokens: Sequence[float]
    ) -> Iterator[bytes | str]:
        """The arguments of step.lua, in its order."""
        charges = [charge(self.rates, number) for number in tokens]
        one = charges[0] if charges else charge(self.rates, 0)
        yield self._memory
        yield str(len(settled))
        yield from map(repr, (FRESH_S, HORIZON, pause, one.requests, one.request_slack, _IDLE_S))
        yield from map(repr, (LONGEST_DEBT_S, *LATEST_S))
        yield from map(repr, settled)
        for each in charges:
            yield repr(each.tokens)
            yield repr(each.token_slack)


def _read(answer: Sequence[bytes], here: float, most: int) -> Reservation:
    """The reservation in an answer of step.lua to so many requests. Raises StepFailure for another answer."""
    try:
        now, state, *starts = answer
        generation, _, _, _, paused_until = state.split()
        found = Reservation(float(now), here, generation, float(paused_until), tuple(map(float, starts)))
    except ValueError:
        raise StepFailure(_OTHER_ANSWER, may_have_run=True) from None
    if min(most, 1) <= len(starts) <= most and all(
        map(math.isfinite, (found.now, found.paused_until, *found.starts))
    ):
        return found
    raise StepFailure(_OTHER_ANSWER, may_have_run=True)
