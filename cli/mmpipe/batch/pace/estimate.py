"""Guesses the tokens of a request before it is asked, from its prompt and from the answers seen so far; pure."""

import math
from dataclasses import dataclass

from mmpipe.core.catalogue import calculate_cost
from mmpipe.core.events import Usage
from mmpipe.core.request import Request

_UNSEEN = 1024  # tokens of an answer as long as nothing is known: a short one with its thinking
_FEWEST = 20  # answers; only one of so many is above the 95th percentile
_PERCENTILE = 0.95
_STEPS = 4  # to a doubling, so that the percentile is at most a fifth too high
_SIZES = 20 * _STEPS + 1  # a million tokens is more than any model answers
_MEMORY = 1024  # answers, after which each counts half, so that what is seen now outweighs what was


@dataclass(frozen=True, slots=True)
class Expected:
    """Tokens that a request may take."""

    model: str
    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.prompt + self.answer

    @property
    def dollars(self) -> float | None:
        """At the list price; None where that is not known."""
        return calculate_cost(self.model, Usage(prompt_tokens=self.prompt, completion_tokens=self.answer))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A histogram of answers by the logarithm of their tokens."""

    counts: tuple[int, ...] = (0,) * _SIZES

    def of(self, request: Request) -> Expected:
        """What to reserve for a request: its prompt, and an answer longer than 95 % of those seen."""
        most = request.parameters.get("max_completion_tokens")
        answer = self.answer_tokens()
        prompt = sum(prompt_tokens(str(message.get("content"))) for message in request.messages)
        return Expected(request.model, prompt, min(answer, most) if isinstance(most, int) else answer)

    def answer_tokens(self) -> int:
        """The 95th percentile; not below the default before enough answers were seen."""
        seen = sum(self.counts)
        if not seen:
            return _UNSEEN
        wanted, below, size = _PERCENTILE * seen, 0, -1
        while below < wanted:
            size += 1
            below += self.counts[size]
        found = math.ceil(2 ** (size / _STEPS))
        return max(found, _UNSEEN) if seen < _FEWEST else found

    def after(self, completion_tokens: int) -> "Estimate":
        """The estimate that has also seen this answer."""
        size = min(_SIZES - 1, math.ceil(_STEPS * math.log2(max(1, completion_tokens))))
        # Rounded up: a size that was seen at all is not forgotten while it keeps coming.
        counts = self.counts if sum(self.counts) < _MEMORY else tuple((n + 1) // 2 for n in self.counts)
        return Estimate((*counts[:size], counts[size] + 1, *counts[size + 1 :]))


def prompt_tokens(prompt: str) -> int:
    """About the tokens of a text, rather too many than too few.

    English has four letters to a token; Chinese, of three bytes to a character, up to one token for each. Of the
    formulas that say both, this one is linear in bytes and characters: 2/8 for an ASCII letter, 5/8 for a Cyrillic
    one, 8/8 for a Chinese one, 11/8 for an emoji.
    """
    return math.ceil((3 * len(prompt.encode("utf-8", "replace")) - len(prompt)) / 8)
