"""Groups of dialects for tests that decode simulated answers."""

from mmpipe.simulator.dialects import Dialect

DECODED = tuple(dialect for dialect in Dialect if dialect not in {Dialect.GZIP, Dialect.NO_REASONING_SPLIT})
"""The dialects whose answers reach the decoder as they were sent; compression is undone before."""

ANSWERING = tuple(dialect for dialect in Dialect if dialect is not Dialect.NO_REASONING_SPLIT)
"""The dialects of servers that accept the requests of mmpipe as they are by default."""
