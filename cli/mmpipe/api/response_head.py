"""The status line and the headers of a response, as the answer and its errors need them; values."""

import re

from mmpipe.api.server_times import server_time
from mmpipe.dataclass import dataclass

TRACE = re.compile(r"[\w.:-]{1,128}", re.ASCII)  # anything else is not an id but text


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The facts about a request that its errors need: the model that is asked, and whom.

    `no_key` is the advice for a request that was sent without a key; empty if it had one. `origins` names the host and a
    proxy that reads the request, either of which may have answered; empty without such a proxy.
    """

    model: str = ""
    no_key: str = ""
    is_minimax: bool = False
    origins: str = ""


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """The facts about a response beside its body: HTTP status, trace id, Retry-After in seconds, Date header.

    `location` is the place that a redirect names, as it may be shown; empty if there is none.
    """

    http: int = 200
    request_id: str | None = None
    retry_after: float | None = None
    date: str | None = None
    location: str = ""
    request: RequestFacts = RequestFacts()

    @property
    def is_success(self) -> bool:
        """True if the body is what was asked for; with any other status the body only explains the status."""
        return 200 <= self.http < 300  # noqa: PLR2004  the range of successes

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the server's clock if its time is known."""
        return server_time(self.date)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The status line and headers of a response.

    `content_type` is the media type alone, in lower case; it is shown, and decides nothing. `content_encoding` is the
    header as it came.
    """

    info: ResponseInfo
    content_type: str
    content_encoding: str = ""
