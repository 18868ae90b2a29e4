"""Propose numbers for the bounds of a schema."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Final

from mmpipe.simulator.subschemas import Rules

_SPAN: Final = 99
_LARGEST: Final = 10**308  # of what is no whole number


def propose_numbers(rules: Rules, picked: int, *, whole: bool) -> Iterator[int | float]:
    """Yield numbers between the bounds: one that `picked` (0 to 99) chooses, then those at the bounds."""
    low, high = _read_bounds(rules)
    steps = [Fraction(str(step)) for step in rules.numbers("multipleOf") if step > 0]
    if not (whole or steps):
        share = Fraction(picked % 98 + 1, 100)
        yield from map(_simplify, (_round(low + (high - low) * share), low + (high - low) * share, low, high))
    step = max(steps, default=Fraction(1))
    first, last = ceil(low / step), floor(high / step)
    chosen = first + picked % max(1, min(_SPAN + 1, last - first + 1))
    yield from (_simplify(number * step) for number in (chosen, first, first + 1, last, last - 1))
    if step != 1:
        yield from (_simplify(Fraction(number)) for number in range(ceil(low), ceil(low) + _SPAN))


def _read_bounds(rules: Rules) -> tuple[Fraction, Fraction]:
    lows = [Fraction(str(bound)) for bound in rules.numbers("minimum", "exclusiveMinimum")]
    highs = [Fraction(str(bound)) for bound in rules.numbers("maximum", "exclusiveMaximum")]
    if lows:
        return max(lows), min(highs, default=max(lows) + _SPAN)
    high = min(highs, default=Fraction(_SPAN + 1))
    return min(Fraction(1), high) if high > 0 else high - _SPAN, high


def _round(number: Fraction) -> Fraction:
    return Fraction(round(number * 100), 100)


def _simplify(number: Fraction) -> int | float:
    """Return an integer, where the number is one."""
    is_whole = number.denominator == 1 or abs(number) > _LARGEST
    return int(number) if is_whole else float(number)
