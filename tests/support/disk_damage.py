"""Damage that a disk may do to a file, for property tests: single bytes become others."""

from typing import Final

from hypothesis import strategies as st

Damage = list[tuple[int, int]]

DAMAGE: Final = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(b'\n\0 x"{}[\xff\\1')), max_size=2)


def damaged(content: bytes, damage: Damage) -> tuple[bytes, set[int]]:
    """The content with those bytes at those places, which count round and round, and which places they are."""
    found = bytearray(content)
    for place, byte in damage:
        found[place % len(content)] = byte
    return bytes(found), {place % len(content) for place, _ in damage}
