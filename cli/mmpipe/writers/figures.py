"""Formats the figures of a batch: as a sentence for a log, and as columns beside a bar."""

import math
from collections.abc import Callable, Mapping

from mmpipe.text.durations import format_rough_duration
from mmpipe.writers.snapshot import Snapshot, Throughput

_MANY = 100  # requests a second; above that decimals do not matter
_DIME = 0.1  # dollars; smaller amounts get more decimals than cents


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
    """Return the same figures by name, in short form; counts of 0 failed or retried are left out."""
    pace = Throughput.between(since, now)
    total = "" if now.total is None else f"/{now.total:,}"
    return _drop_empty(
        {
            # Rounded down: 100 % only when all records are settled.
            "percent": _format(now.fraction, lambda fraction: f"{math.floor(100 * fraction):3}", "{} %"),
            "done": f"{now.settled:,}{total}",
            "failed": _format(now.failed or None, _format_whole, "{} failed"),
            "retried": _format(now.retried or None, _format_whole, "{} retried"),
            "in flight": f"{now.in_flight:,} in flight",
            "requests": _format(pace.requests, _format_rate, "{}/s"),
            "tokens": _format(pace.tokens, _format_whole, "{} tokens/s"),
            "cost": _format(now.cost, format_dollars, "{}"),
            "left": _format(pace.left, format_rough_duration, "{} left"),
        }
    )


def format_dollars(amount: float) -> str:
    """Return an amount of US dollars with at least two significant digits: `$1.23`, `$0.0042`."""
    rounded = float(f"{amount:.2g}")
    places = 1 - math.floor(math.log10(rounded)) if 0 < rounded < _DIME else 2
    # No token costs less than a millionth.
    return f"${amount:,.{min(6, places)}f}"


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
