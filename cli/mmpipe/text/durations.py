"""Formats durations for people.

Without `math`, which is a shared object: errors are reported through this module, also when memory is short.
"""

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60  # seconds
_FEWEST = 2  # units in a rough duration; below that the smaller unit is more precise


def format_duration(seconds: float) -> str:
    """Return a duration to the second, such as `1 h 5 min`; `a moment` below half a second."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "a moment"


def format_rough_duration(seconds: float) -> str:
    """Return a duration in one unit, such as `14 min` or `2.5 days`; seconds are rounded up."""
    for unit, size, places in (("days", _DAY, 1), ("h", _HOUR, 1), ("min", _MINUTE, 0)):
        if seconds >= _FEWEST * size:
            return f"{seconds / size:,.{places}f} {unit}"
    return f"{-int(-seconds // 1)} s"
