"""Formats the figures of a batch: as a sentence for a log, and as columns beside a bar."""

import math
from collections.abc import Callable, Mapping

from mmpipe.text.durations import format_rough_duration
from mmpipe.writers.snapshot import Snapshot, Throughput

_MANY = 100  # requests a second; above that decimals do not matter
_DIME = 0.1  # dollars; smaller amounts get more decimals than cents
_DAY = 86_400  # seconds
# Where rounding adds a digit.
_HUNDRED, _THOUSAND, _LONGEST = 99.95, 999.5, 9999.5


def format_sentence(now: Snapshot, since: Snapshot) -> str:
    """Return all known figures as a sentence, with the pace since `since`."""
    pace = Throughput.between(since, now)
    total = "" if now.total is None else f" of {now.total:,}"
    before = f" ({now.skipped:,} before)" if now.skipped else ""
    return ", ".join(
        _drop_empty(
            {
                "done": f"{now.settled:,}{total} done{before}",
                "failed": f"{now.failed:,} failed",
                "retried": f"{now.retried:,} retried",
                "in flight": f"{now.in_flight:,} in flight",
                "requests": _format(pace.requests, _format_rate, "{} requests/s"),
                "tokens": _format(pace.tokens, _format_whole, "{} tokens/s"),
                "cost": _format(now.cost, format_dollars, "{}"),
                "left": _format(pace.left, format_rough_duration, "about {} left"),
            }
        ).values()
    )


def format_columns(now: Snapshot, since: Snapshot) -> dict[str, str]:
    """Return the same figures by name, in short form; each is as wide as in every other snapshot of the run.

    What is not known yet is blank, and an unknown cost is `$?`. Without a total there is no percentage and no time left.
    """
    pace = Throughput.between(since, now)
    return {
        # Rounded down: 100 % only when all records are settled.
        "percent": "" if now.fraction is None else f"{math.floor(100 * now.fraction):3} %",
        "done": _format_done(now),
        "failed": f"{_format_short(now.failed):>5} failed",
        "retried": f"{_format_short(now.retried):>5} retried",
        "in flight": f"{_format_short(now.in_flight):>4} in flight",
        "requests": _align(pace.requests, _format_short_rate, "{}/s", 7),
        "tokens": _align(pace.tokens, _format_short, "{} tokens/s", 14),
        "cost": f"{'$?' if now.cost is None else _format_short_dollars(now.cost):>7}",
        "left": "" if now.total is None else _align(pace.left, _format_short_time, "{} left", 12),
    }


def format_dollars(amount: float) -> str:
    """Return an amount of US dollars with at least two significant digits: `$1.23`, `$0.0042`."""
    rounded = float(f"{amount:.2g}")
    places = 1 - math.floor(math.log10(rounded)) if 0 < rounded < _DIME else 2
    # No token costs less than a millionth.
    return f"${amount:,.{min(6, places)}f}"


def _format_done(now: Snapshot) -> str:
    if now.total is None:
        return f"{now.settled:9,} done"
    total = f"{now.total:,}"
    return f"{now.settled:{len(total)},}/{total}"


def _align(number: float | None, format_number: Callable[[float], str], template: str, width: int) -> str:
    return _format(number, format_number, template).rjust(width)


def _format_short(number: float) -> str:
    """Return a number in at most five characters, such as `9999` and `12.3k`."""
    if number < _LONGEST:
        return f"{number:.0f}"
    units = iter("kMGT")
    unit = ""
    while number >= _THOUSAND and (larger := next(units, "")):
        number, unit = number / 1000, larger
    return f"{number:.{1 if number < _HUNDRED else 0}f}{unit}"


def _format_short_rate(number: float) -> str:
    return _format_rate(number) if number < _HUNDRED else _format_short(number)


def _format_short_dollars(amount: float) -> str:
    return f"${amount:.{4 if amount < 1 else 2}f}" if amount < _THOUSAND else f"${_format_short(amount)}"


def _format_short_time(seconds: float) -> str:
    """Return a duration in at most seven characters."""
    rough = format_rough_duration(seconds)
    return f"{_format_short(seconds / _DAY)} d" if rough.endswith("days") else rough


def _drop_empty(figures: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in figures.items() if text}


def _format(number: float | None, format_number: Callable[[float], str], template: str) -> str:
    return "" if number is None else template.format(format_number(number))


def _format_whole(number: float) -> str:
    return f"{number:,.0f}"


def _format_rate(number: float) -> str:
    """Return a rate a second; small rates get more decimals."""
    places = 2 if 0 < number < 1 else 1 if 0 < number < _MANY else 0
    return f"{number:,.{places}f}"
