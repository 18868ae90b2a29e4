"""The headers and ids of every answer (FACTS.md, "Headers")."""

import hashlib
from email.utils import formatdate

from mmpipe.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """The number, ids and time of one request."""

    seed: int
    number: int
    now: float

    @property
    def id(self) -> str:
        """The trace id, which is also the id of the body and the request id of an error."""
        return self.hexadecimal("trace")

    def hexadecimal(self, purpose: str) -> str:
        """Return 32 hexadecimal digits; the same seed, number and purpose give the same digits."""
        return hashlib.sha256(f"{purpose}:{self.seed}:{self.number}".encode()).hexdigest()[:32]


def build_headers(trace: RequestTrace, content_type: str, *, reached_model: bool) -> dict[str, str]:
    """Return the headers. `Connection` is left to the HTTP server.

    There are no rate limits and no Retry-After: no captured answer has them.
    """
    sent = {
        "Date": formatdate(trace.now, usegmt=True),
        "Content-Type": content_type,
        "Vary": "Accept-Encoding",
        "Trace-Id": trace.id,
        "Minimax-Request-Id": trace.hexadecimal("request"),
    }
    if reached_model:
        sent["X-Session-Id"] = trace.hexadecimal("session")
        sent["X-Mm-Request-Id"] = f"{trace.number}_{int(trace.now)}{trace.hexadecimal('random')[:8]}"
    sent["alb_receive_time"] = f"{trace.now:.3f}"
    sent["alb_request_id"] = trace.hexadecimal("balancer")
    return sent
