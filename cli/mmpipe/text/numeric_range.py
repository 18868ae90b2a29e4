"""The numbers that an option takes."""

from typing import Final

from mmpipe.dataclass import dataclass

MOST: Final = 2**63
_EXAMPLES: Final = ("10", "0.5")


@dataclass(frozen=True, slots=True)
class NumericRange:
    """The numbers that an option takes; None is no bound. Not-a-number and numbers beyond 64 bits are never taken."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            # Not a comparison with infinity alone: an integer may have thousands of digits.
            -MOST < number < MOST
            and (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
        )

    def __str__(self) -> str:
        bounds = (("at least", self.at_least), ("above", self.above), ("at most", self.at_most))
        return " and ".join(f"{words} {bound}" for words, bound in bounds if bound is not None)

    def describe(self) -> str:
        """Return the words for a number, with examples that are in the range."""
        fitting = " or ".join(word for word in _EXAMPLES if float(word) in self)
        return f"a number, such as {fitting}" if fitting else "a number"
