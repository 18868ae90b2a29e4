"""Groups of dialects for tests that decode simulated answers."""

from mmpipe.simulator.dialects import Dialect

OF_THE_API = tuple(Dialect)[: tuple(Dialect).index(Dialect.NO_USAGE) + 1]
"""The dialects in which MiniMax's own API was seen to answer."""

OF_SERVERS = tuple(dialect for dialect in Dialect if dialect not in OF_THE_API)
"""The dialects of other servers of the same models."""

_FRAMED = {Dialect.GZIP, Dialect.NEVER_STREAM, Dialect.ALWAYS_STREAM, Dialect.PINGS}
DECODED = tuple(dialect for dialect in Dialect if dialect not in _FRAMED)
"""The dialects whose streams the decoder turns into the message of the whole answer."""
