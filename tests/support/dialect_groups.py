"""Groups of dialects for tests that decode simulated answers."""

from mmpipe.simulator.dialects import Dialect

DECODED = tuple(dialect for dialect in Dialect if dialect is not Dialect.GZIP)
"""The dialects whose bytes reach the decoder as they were sent; compression is undone before."""
