"""How much a run may go wrong, cost and last before it ends by itself."""

from dataclasses import dataclass

from mmpipe.batch.pace.condition import Condition
from mmpipe.errors import Partial, QuotaError, UsageError
from mmpipe.text.visible import one_line

_FEWEST = 20  # records; a share of fewer says little


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """So many failed records are borne: a number, or a share (0..1) of those done once there are some."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> "ErrorLimit":
        """Of `10` or `5%`; raises UsageError."""
        number, percent, rest = text.partition("%")
        try:
            if rest == "" and percent and 0 <= float(number) <= 100:  # noqa: PLR2004  per cent
                return cls(share=float(number) / 100)
            if not percent and int(number) >= 0:
                return cls(count=int(number))
        except ValueError:
            pass
        raise UsageError(f"--max-errors is {one_line(text, 40)}: it must be a number, or a share such as 5%")

    def excess(self, failed: int, done: int) -> Partial | None:
        """The error that ends the run, if there are too many."""
        if self.count is not None and failed > self.count:
            return Partial(f"{failed} records failed, and --max-errors allows {self.count}")
        if self.share is not None and done >= _FEWEST and failed > self.share * done:
            return Partial(
                f"{failed} of {done} records failed, and --max-errors allows {100 * self.share:g}%"
            )
        return None


@dataclass(frozen=True, slots=True)
class RunLimits:
    """None is no bound; `cost` is in dollars, `seconds` for the whole run."""

    errors: ErrorLimit | None = None
    cost: float | None = None
    seconds: float | None = None


class CostBudget:
    """Money for the answers: what is asked is paid for in advance, at an estimate, and settled when the answer is there.

    Until some answers have told what they cost, few are asked at once: no more than are known.
    """

    def __init__(self, most: float, change: Condition) -> None:
        self._most, self._change = most, change
        self._spent = 0.0
        self._held: dict[int, float] = {}
        self._on_hold = 0.0
        self._known = 0

    async def hold(self, index: int, dollars: float) -> None:
        """Set so much aside for the record at this place; raises QuotaError when nothing is left for it.

        While others are asked, some of what was set aside for them may come back.
        """
        await self._change.until(lambda: not self._held or self._allows(dollars))
        if self._spent + self._on_hold + dollars > self._most:
            raise QuotaError(
                f"what is left of --max-cost {self._most:g} is less than the next answer may cost"
            )
        self._held[index] = dollars
        self._on_hold += dollars

    def settle(self, index: int, dollars: float | None) -> None:
        """What it really cost; where that is not known, what was set aside for it is gone."""
        held = self._held.pop(index, 0.0)
        self._on_hold = self._on_hold - held if self._held else 0.0
        self._spent += held if dollars is None else dollars
        self._known += bool(dollars)
        self._change.happened()

    def _allows(self, dollars: float) -> bool:
        return len(self._held) < self._known and self._spent + self._on_hold + dollars <= self._most
