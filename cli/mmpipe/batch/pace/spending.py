"""The tokens and dollars of a run: estimated before each request, held while it is in flight, learned from its answer."""

from mmpipe.batch.pace.budgets import CostBudget
from mmpipe.batch.pace.estimate import DEFAULT_TOKENS, AnswerHistogram
from mmpipe.core.events import Usage
from mmpipe.core.request import Request


class Spending:
    """Estimates requests from the answers so far; holds their price in the `budget`, if there is one.

    A record may take so many `answers`: one, and its repairs. Of each, `assumed_tokens` are expected before any was seen.
    """

    def __init__(
        self,
        budget: CostBudget | None,
        *,
        answers: int,
        counts_tokens: bool,
        assumed_tokens: int = DEFAULT_TOKENS,
    ) -> None:
        self._budget, self._answers, self._counts_tokens = budget, answers, counts_tokens
        self._histogram = AnswerHistogram(default=assumed_tokens)

    def tokens(self, request: Request) -> int:
        """The tokens to reserve for a request, 0 if nothing limits them.

        They are the mean, since each reservation is replaced by what was used. What was reserved too much returns late:
        more than the mean would leave a part of the rate unused.
        """
        return self._histogram.expect_mean(request).tokens if self._counts_tokens else 0

    async def hold(self, index: int, request: Request) -> None:
        """Hold the price of a request, when the budget allows it; raises QuotaError, UsageError for an unknown price."""
        if self._budget is not None:
            await self._budget.hold(index, self._histogram.expect(request).check_price() * self._answers)

    def settle(self, index: int, usage: Usage | None, dollars: float | None) -> None:
        """Take the usage and the cost of an answer, or None where they are unknown."""
        is_needed = self._counts_tokens or self._budget is not None
        if is_needed and usage is not None and usage.completion_tokens is not None:
            self._histogram = self._histogram.after(usage.completion_tokens)
        if self._budget is not None:
            self._budget.settle(index, dollars)
