"""Limits on the errors, the cost and the time of a run, at which it ends by itself."""

import asyncio
from collections.abc import Callable

from mmpipe.batch.pace.condition import Condition, StopSignal
from mmpipe.batch.pace.deadline import Deadline
from mmpipe.batch.pace.error_limit import ErrorLimit
from mmpipe.errors import Forbidden, MmpipeError, NetworkError, NotRecorded, QuotaError
from mmpipe.text.counts import format_amount

_FEWEST_UNREACHED = 20  # requests in a row, besides as many as may be in flight
_FEWEST_FORBIDDEN = 10  # requests in a row; fewer may be prompts that a firewall does not like


class EndingRules:
    """Stops a run when too many records failed, at its deadline, and when the server cannot be reached or refuses all."""

    def __init__(
        self, errors: ErrorLimit | None, concurrency: int, stop: Callable[[Exception], None]
    ) -> None:
        self._errors, self._concurrency, self._stop = errors, concurrency, stop
        self._unreached = self._forbidden = 0
        self._is_answered = False

    def start_deadline(self, deadline: Deadline) -> None:
        """Stop the run at its deadline, at once if that has passed. Call inside the event loop."""
        if deadline.left == 0.0:
            self._stop(deadline.error())
        elif deadline.left is not None:
            asyncio.get_running_loop().call_later(deadline.left, self._stop, deadline.error())

    def check_reached(self, error: MmpipeError | None) -> None:
        """Stop the run after too many network errors in a row, or refusals in a row without any answer.

        Every further record would fail too.
        """
        is_unreached = isinstance(error, NetworkError) and not isinstance(error, NotRecorded)
        self._unreached = self._unreached + 1 if is_unreached else 0
        if error is not None and self._unreached >= _FEWEST_UNREACHED + self._concurrency:
            self._stop(error)
        self._is_answered = self._is_answered or error is None
        self._forbidden = self._forbidden + 1 if isinstance(error, Forbidden) else 0
        if error is not None and not self._is_answered and self._forbidden >= _FEWEST_FORBIDDEN:
            self._stop(error)

    def check_failures(self, failed: int, done: int) -> None:
        """Stop the run if too many records failed."""
        if self._errors is not None and (excess := self._errors.excess(failed, done)) is not None:
            self._stop(excess)


class CostBudget:
    """The dollars of a run: the estimated cost of a request is held until its answer is there, then settled.

    Before answers have shown what they cost, few are in flight: no more than have been settled.
    """

    def __init__(self, dollars: float, stop: StopSignal) -> None:
        self._limit, self._condition = dollars, Condition(stop)
        self._spent = 0.0
        self._held: dict[int, float] = {}
        self._total_held = 0.0
        self._settled = 0

    async def hold(self, index: int, dollars: float) -> None:
        """Hold so much for the record at this index; raises QuotaError when too little is left.

        While other requests are in flight, wait: they may cost less than is held for them.
        """
        await self._condition.until(lambda: not self._held or self._allows(dollars))
        if self._spent + self._total_held + dollars > self._limit:
            left = max(0.0, self._limit - self._spent - self._total_held)
            raise QuotaError(
                f"--max-cost {format_amount(self._limit, 15)} is reached: the next answer may cost "
                f"${format_amount(dollars)}, and ${format_amount(left)} is left",
                hint="raise --max-cost, or lower --max-tokens",
            )
        self._held[index] = dollars
        self._total_held += dollars

    def settle(self, index: int, dollars: float | None) -> None:
        """Replace the held dollars by the real cost; None if it is unknown, which spends all that was held."""
        held = self._held.pop(index, 0.0)
        self._total_held = self._total_held - held if self._held else 0.0
        self._spent += held if dollars is None else dollars
        self._settled += bool(dollars)
        self._condition.changed()

    def _allows(self, dollars: float) -> bool:
        return len(self._held) < self._settled and self._spent + self._total_held + dollars <= self._limit
