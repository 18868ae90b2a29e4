"""The number of examples of a law that needs more of them than others, or for which they cost much."""

from hypothesis import settings


def share(most: int) -> int:
    """Return all of them in a thorough run, and the same part of them as of other laws in any other run."""
    return most * settings().max_examples // 100
