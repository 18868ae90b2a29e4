"""Estimates the tokens and the price of a request before it is sent, from its prompt and the answers seen so far."""

import math
from dataclasses import replace
from typing import Final

from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Usage
from mmpipe.core.parameters import find_token_limit
from mmpipe.core.prompt_size import request_tokens
from mmpipe.core.request import Request
from mmpipe.dataclass import dataclass
from mmpipe.errors import UsageError

WITHOUT_PRICE = "leave it out: --limit, --max-tokens and --deadline bound a run too"
DEFAULT_TOKENS = 1024  # of an answer before any was seen: a short one with its thinking
_FEWEST_ANSWERS = 20  # only one of so many is above the 95th percentile
_PERCENTILE = 0.95
_STEPS = 4  # sizes to a doubling, so that the percentile is at most a fifth too high
# Up to a million tokens, more than any model answers.
_SIZES: Final = tuple(math.exp2(size / _STEPS) for size in range(20 * _STEPS + 1))
_HALVED_AT = 1024  # answers, after which each counts half, so that recent answers outweigh old ones


@dataclass(frozen=True, slots=True)
class ExpectedUsage:
    """The tokens that a request may take."""

    model: str
    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt + self.answer

    @property
    def dollars(self) -> float | None:
        """The cost at the list price; None if the price is unknown."""
        return calculate_cost(self.model, Usage(prompt_tokens=self.prompt, completion_tokens=self.answer))

    def check_price(self, label: str = "--max-cost") -> float:
        """Return the cost at the list price; raise UsageError, with the `label` of the limit, if the price is unknown."""
        dollars = self.dollars
        if dollars is None:
            raise UsageError(f"{label}: the price of {self.model} is not known", hint=WITHOUT_PRICE)
        return dollars


@dataclass(frozen=True, slots=True)
class AnswerHistogram:
    """The number of answers by the logarithm of their tokens; `default` is assumed before enough were seen."""

    counts: tuple[int, ...] = (0,) * len(_SIZES)
    default: int = DEFAULT_TOKENS

    def expect(self, request: Request) -> ExpectedUsage:
        """The usage that a request hardly passes: its prompt, and an answer longer than 95 % of those seen."""
        return _expect(request, self.answer_tokens())

    def expect_mean(self, request: Request) -> ExpectedUsage:
        """The usage of a request on average: its prompt, and a mean answer."""
        return _expect(request, self.mean_tokens())

    def mean_tokens(self) -> int:
        """The mean of the answers, with one more of the default size."""
        tokens = sum(number * size for number, size in zip(self.counts, _SIZES, strict=True))
        return math.ceil((tokens + self.default) / (sum(self.counts) + 1))

    def answer_tokens(self) -> int:
        """The 95th percentile; not below the default before enough answers were seen."""
        seen = sum(self.counts)
        if not seen:
            return self.default
        wanted, below, size = _PERCENTILE * seen, 0, -1
        while below < wanted:
            size += 1
            below += self.counts[size]
        tokens = math.ceil(_SIZES[size])
        return max(tokens, self.default) if seen < _FEWEST_ANSWERS else tokens

    def after(self, completion_tokens: int) -> "AnswerHistogram":
        """The histogram with one more answer."""
        size = min(len(_SIZES) - 1, math.ceil(_STEPS * math.log2(max(1, completion_tokens))))
        # Halves are rounded up: a size that was seen is not forgotten while such answers keep coming.
        counts = self.counts if sum(self.counts) < _HALVED_AT else tuple((n + 1) // 2 for n in self.counts)
        return replace(self, counts=(*counts[:size], counts[size] + 1, *counts[size + 1 :]))


def _expect(request: Request, answer: int) -> ExpectedUsage:
    """The usage of a request with an answer of so many tokens, or of the most that it allows."""
    limit = find_token_limit(request.parameters)
    return ExpectedUsage(
        request.model, request_tokens(request), answer if limit is None else min(answer, limit)
    )
