"""Reads and formats durations.

Without `math`, which is a shared object: errors are reported through this module, also when memory is short.
"""

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60  # seconds
_UNITS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}
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


def parse_duration(word: str) -> float:
    """Return the seconds of `90`, `90s`, `15m`, `2h`, `1d` or `1h30m`; raises ValueError."""
    if word[-1:] not in _UNITS:
        return float(word)
    seconds, number, smallest = 0.0, "", 2 * _DAY
    for character in word:
        if character.isascii() and (character.isdigit() or character == "."):
            number += character
            continue
        size = _UNITS.get(character, smallest)
        # The units go down, so that no part is meant for another one.
        if size >= smallest:
            raise ValueError(word)
        seconds, number, smallest = seconds + float(number) * size, "", size
    return seconds
