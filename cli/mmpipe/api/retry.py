"""Decides from an error whether to ask again, and after how long; pure."""

import re
import time

from mmpipe.errors import MmpipeError

_FIRST = 0.5  # seconds
_LONGEST = 8.0
_EVER = 1e9  # seconds, some thirty years
_DOUBLINGS = 10  # more reach the longest anyway, and some day what a float holds


def delay_before_retry(
    error: MmpipeError, *, attempt: int, retries: int, seconds_left: float, chance: float
) -> float | None:
    """Seconds to wait before asking again after the `attempt`-th try (from 1); None to give up.

    Exponential backoff with jitter (`chance` is uniform in 0..1), never shorter than Retry-After. A wait that does
    not fit into `seconds_left` is not begun.
    """
    if not error.retryable or attempt > retries:
        return None
    delay = backoff(attempt, 0.5 + chance / 2)
    if error.retry_after is not None:
        # A little later than told, so that clients told the same moment do not come all at once.
        delay = max(delay, error.retry_after + chance * _FIRST)
    return delay if delay < seconds_left else None


def backoff(attempt: int, share: float) -> float:
    """Seconds to wait after the `attempt`-th try (from 1): a share (0..1) of what doubles up to a limit."""
    doubled: float = _FIRST * 2 ** min(attempt - 1, _DOUBLINGS)
    return share * min(_LONGEST, doubled)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """The Retry-After header in seconds: a number, or a date against `now`, the server's clock (RFC 9110, 10.2.3).

    None for what makes no sense; more than the standard's whole seconds is understood.
    """
    if not value:
        return None
    if number := re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*", value, re.ASCII):
        return min(float(number[1]), _EVER)
    moment = parse_date(value)
    return None if moment is None else max(0.0, moment - now)


def parse_date(value: str | None) -> float | None:
    """An HTTP date in seconds since the epoch; one that names no zone is in UTC, as all of them are (RFC 9110, 5.6.7)."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def server_time(date: str | None) -> float:
    """Seconds since the epoch by the Date header of an answer, or else by our own clock."""
    return parse_date(date) or time.time()
