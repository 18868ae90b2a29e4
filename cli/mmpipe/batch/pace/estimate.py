"""Estimates the tokens and the price of a request before it is sent, from its prompt and the answers seen so far."""

import math
from dataclasses import dataclass

from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Usage
from mmpipe.core.parameters import find_token_limit
from mmpipe.core.request import Request
from mmpipe.errors import UsageError

_DEFAULT_TOKENS = 1024  # of an answer before any was seen: a short one with its thinking
_FEWEST_ANSWERS = 20  # only one of so many is above the 95th percentile
_PERCENTILE = 0.95
_STEPS = 4  # sizes to a doubling, so that the percentile is at most a fifth too high
_SIZES = 20 * _STEPS + 1  # up to a million tokens, more than any model answers
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

    def check_price(self) -> float:
        """Return the cost at the list price; raise UsageError if the price is unknown."""
        dollars = self.dollars
        if dollars is None:
            raise UsageError(f"--max-cost: the price of {self.model} is not known")
        return dollars


@dataclass(frozen=True, slots=True)
class AnswerHistogram:
    """The number of answers by the logarithm of their tokens."""

    counts: tuple[int, ...] = (0,) * _SIZES

    def expect(self, request: Request) -> ExpectedUsage:
        """The usage to reserve for a request: its prompt, and an answer longer than 95 % of those seen."""
        limit = find_token_limit(request.parameters)
        answer = self.answer_tokens()
        prompt = sum(prompt_tokens(str(message.get("content"))) for message in request.messages)
        return ExpectedUsage(request.model, prompt, answer if limit is None else min(answer, limit))

    def answer_tokens(self) -> int:
        """The 95th percentile; not below the default before enough answers were seen."""
        seen = sum(self.counts)
        if not seen:
            return _DEFAULT_TOKENS
        wanted, below, size = _PERCENTILE * seen, 0, -1
        while below < wanted:
            size += 1
            below += self.counts[size]
        tokens = math.ceil(2 ** (size / _STEPS))
        return max(tokens, _DEFAULT_TOKENS) if seen < _FEWEST_ANSWERS else tokens

    def after(self, completion_tokens: int) -> "AnswerHistogram":
        """The histogram with one more answer."""
        size = min(_SIZES - 1, math.ceil(_STEPS * math.log2(max(1, completion_tokens))))
        # Halves are rounded up: a size that was seen is not forgotten while such answers keep coming.
        counts = self.counts if sum(self.counts) < _HALVED_AT else tuple((n + 1) // 2 for n in self.counts)
        return AnswerHistogram((*counts[:size], counts[size] + 1, *counts[size + 1 :]))


def prompt_tokens(prompt: str) -> int:
    """An estimate of the tokens of a text, rather too high than too low.

    English has four letters to a token; Chinese, with three bytes to a character, has up to one token for each
    character. The formula is linear in bytes and characters. It gives 2/8 of a token for an ASCII letter, 5/8 for a
    Cyrillic one, 8/8 for a Chinese one, 11/8 for an emoji.
    """
    return math.ceil((3 * len(prompt.encode("utf-8", "replace")) - len(prompt)) / 8)
