"""The status line and the headers of a response, as the answer and its errors need them; values."""

import re
from dataclasses import dataclass

from mmpipe.api.server_times import server_time

TRACE = re.compile(r"[\w.:-]{1,128}", re.ASCII)  # anything else is not an id but text


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """The facts about a response beside its body.

    HTTP status, trace id, Retry-After in seconds, Date header, the model that was asked, and the advice for a request
    that was sent without a key; empty if it had one.
    """

    http: int = 200
    request_id: str | None = None
    retry_after: float | None = None
    date: str | None = None
    model: str = ""
    no_key: str = ""

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
