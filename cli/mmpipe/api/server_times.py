"""Reads the times that a server sends: its Date and Retry-After headers; pure."""

import re
import time

_LONGEST_WAIT = 1e9  # seconds, some thirty years


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """The Retry-After header in seconds: a number, or a date against `now`, the server's clock (RFC 9110, 10.2.3).

    None for an invalid header. Fractions of a second are accepted, although the standard has none.
    """
    if not value:
        return None
    if number := re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*", value, re.ASCII):
        return min(float(number[1]), _LONGEST_WAIT)
    moment = parse_date(value)
    return None if moment is None else max(0.0, moment - now)


def parse_date(value: str | None) -> float | None:
    """An HTTP date in seconds since the epoch; None if invalid. Without a zone it is UTC (RFC 9110, 5.6.7)."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def server_time(date: str | None) -> float:
    """Seconds since the epoch by the Date header of an answer; without one, by our own clock."""
    return parse_date(date) or time.time()
