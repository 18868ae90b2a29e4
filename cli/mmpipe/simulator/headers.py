"""Give every answer the headers and the ids of the API (FACTS.md, "Headers")."""

import hashlib
from dataclasses import dataclass
from email.utils import formatdate


@dataclass(frozen=True, slots=True)
class Trace:
    """One request: its number, its ids, its time."""

    seed: int
    number: int
    now: float

    @property
    def id(self) -> str:
        """The trace id, which is also the id of the body and the request id of an error."""
        return self.hexadecimal("trace")

    def hexadecimal(self, purpose: str) -> str:
        """Return 32 digits; the same seed and number always give the same."""
        return hashlib.sha256(f"{purpose}:{self.seed}:{self.number}".encode()).hexdigest()[:32]


def headers(trace: Trace, content_type: str, *, reached_model: bool) -> dict[str, str]:
    """Return the headers; whether a connection is kept open stays a matter of HTTP.

    No rate limits and no Retry-After: no answer with them has been captured.
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
