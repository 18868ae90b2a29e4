"""Cuts texts and bytes into pieces for property tests: input in pieces must be read like the whole."""

from itertools import pairwise
from typing import Final, TypeVar

from hypothesis import strategies as st

Whole = TypeVar("Whole", str, bytes)

# Most cuts lie close together: near the beginning, where something short is cut everywhere.
PLACES: Final = st.lists(st.integers(0, 40) | st.integers(0, 400), max_size=60)


def cut(whole: Whole, places: list[int]) -> list[Whole]:
    """`whole` in pieces, some of them empty, which end at these places."""
    ends = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    return [whole[start:end] for start, end in pairwise(ends)]
