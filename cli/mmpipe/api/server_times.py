"""Reads the times that a server sends: its Date and Retry-After headers, and the waits in an error; pure."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_LONGEST_WAIT: Final = 1e9  # seconds, some thirty years
_LONGEST_TEXT: Final = 200  # characters of a time
_MOST_DETAILS: Final = 20  # objects of an error in which a wait is looked for

# By the first letters of a unit: `m`, `min` and `minutes` are one.
_UNITS: Final = (
    ("mic", 1e-6), ("us", 1e-6), ("µs", 1e-6), ("mil", 1e-3), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400),
)  # fmt: skip
_UNIT = "(?:micros(?:econds?)?|millis(?:econds?)?|[uµm]s|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)"
_PART = rf"\d+(?:\.\d*)?\s?{_UNIT}(?![a-zµ])"
_DURATION = re.compile(rf"{_PART}(?:\s{{0,2}}{_PART}){{0,4}}", re.ASCII | re.IGNORECASE)
_AMOUNT = re.compile(rf"(\d+(?:\.\d*)?)\s?({_UNIT})", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?)\s*", re.ASCII)

# Words before a wait: `Please try again in 20s` (OpenAI), `retry after 26 seconds` (Azure), `retry in 34.07s` (Google).
_HINT = re.compile(r"\b(?:try again|retry|wait)(?: in| after| for)?(?: about)? (?=\d)", re.IGNORECASE)
_RESET = re.compile(r"resets at (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))")
# Fields of an error with a wait, and the unit of a bare number.
_WAITS: Final[Mapping[str, float]] = {
    "retryDelay": 1,  # Google, in `details`
    "retry_after": 1,
    "retryAfter": 1,
    "retry_after_seconds": 1,  # OpenRouter, in `metadata`
    "retry_after_ms": 1e-3,
    "estimated_time": 1,  # Hugging Face, while a model is loaded
}


def parse_retry_after(value: str | None, *, now: float, unit: float = 1) -> float | None:
    """The Retry-After header in seconds: a number, or a date against `now`, the server's clock (RFC 9110, 10.2.3).

    None for an invalid header. Beyond the standard, fractions, units (`1m30s`), ISO dates and a list of several values
    are accepted; the longest wait of a list counts. A number without a unit counts `unit` seconds.
    """
    text = (value or "")[:_LONGEST_TEXT].strip()
    if number := _NUMBER.fullmatch(text):
        return min(float(number[1]) * unit, _LONGEST_WAIT)
    if _DURATION.fullmatch(text):
        return _duration(text)
    moment = _parse_date(text)
    if moment is not None:
        return min(max(0.0, moment - now), _LONGEST_WAIT)
    if "," not in text:
        return None
    waits = [parse_retry_after(part, now=now, unit=unit) for part in text.split(",")]
    return max((wait for wait in waits if wait is not None), default=None)


def _parse_date(value: str | None) -> float | None:
    """A date of HTTP or ISO 8601 in seconds since the epoch; None if invalid. Without a zone it is UTC (RFC 9110, 5.6.7)."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(value or "")
            return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def server_time(date: str | None) -> float:
    """Seconds since the epoch by the Date header of an answer; without one, by our own clock."""
    return _parse_date(date) or time.time()


def find_waits(errors: Iterable[Mapping[str, object]], reason: str, *, now: float) -> Iterator[float]:
    """The waits in seconds that the fields of an error name, or its reason: a duration, or the moment of a reset."""
    for error in errors:
        for part in (error, *_details(error)):
            for name, unit in _WAITS.items():
                value = part.get(name)
                if type(value) in (int, float) or isinstance(value, str):
                    wait = parse_retry_after(str(value), now=now, unit=unit)
                    if wait is not None:
                        yield wait
    if (reset := _RESET.search(reason)) and (moment := _parse_date(reset[1])) is not None:
        yield max(0.0, moment - now)
    if (hint := _HINT.search(reason)) and (found := _DURATION.match(reason, hint.end())):
        yield _duration(found[0])


def _details(error: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    details = error.get("details")
    rows = [*details[:_MOST_DETAILS]] if isinstance(details, list) else []
    yield from (row for row in (*rows, error.get("metadata")) if isinstance(row, dict))


def _duration(text: str) -> float:
    total = sum(float(amount) * _seconds(unit.lower()) for amount, unit in _AMOUNT.findall(text))
    return min(total, _LONGEST_WAIT)


def _seconds(unit: str) -> float:
    return next(seconds for letters, seconds in _UNITS if unit.startswith(letters))
