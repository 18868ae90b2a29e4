"""The pieces of a stream; apart from the request that they belong to, so that reading the options of a command stays fast."""

from typing import Literal

# Decided by what comes; each is new text; or each repeats all text before it.
Pieces = Literal["auto", "new", "repeated"]
