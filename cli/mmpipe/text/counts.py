"""Counts of things in words, and numbers in ranges."""

from collections.abc import Iterable
from decimal import Decimal


def format_count(number: int, one: str, several: str | None = None) -> str:
    """The number and its words, such as `1 record` and `2 records`; `several` are words that do not end with an s more."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def format_amount(number: float, digits: int = 4) -> str:
    """Return the number with so many digits that matter, and without an exponent, such as `0.00001`."""
    # Without a zero at the end, which `Decimal` would keep.
    return f"{Decimal(f'{number:.{digits}g}'):f}"


def format_ranges(numbers: Iterable[int], most: int = 50) -> str:
    """Return ascending numbers as job schedulers take them, such as `3,17,90-94`; after so many ranges `...`."""
    ranges = list[tuple[int, int]]()
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], number
        elif len(ranges) < most:
            ranges.append((number, number))
        else:
            return f"{_join(ranges)},..."
    return _join(ranges)


def _join(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
