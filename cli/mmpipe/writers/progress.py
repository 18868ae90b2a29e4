"""Tells on stderr how far many records are: a bar for who looks on, a line now and then for who reads it later."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from mmpipe.unix.streams import Output, Streams
from mmpipe.writers.bar import Line, bar_line
from mmpipe.writers.console import Verbosity, can_draw
from mmpipe.writers.table import wants_style

Mode = Literal["auto", "bar", "plain", "none"]

_LINE_EVERY = 30.0  # seconds
_DRAW_EVERY = 0.2
_SPAN = 15.0  # seconds that a pace is taken over, at least
_FEWEST = 20  # records, likewise: one that takes a minute says little of those beside it
_REMEMBERED = 600  # snapshots, one a second
# What a narrow terminal does without, beginning with the first; never the count.
_SHED = ("tokens", "retried", "in flight", "percent", "cost", "requests", "failed", "left")
_MANY = 100  # requests a second, of which tenths say nothing
_SOME = 2  # minutes, hours or days; of less the smaller unit says more
_DIME = 0.1  # dollars; less has digits behind the cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How far a run is, `seconds` after it began; without arguments, its beginning.

    `done` counts what this run settled, failed ones too, `skipped` what was answered before it, and `total` all of them
    and those to come: None where the input does not tell. `cost` is in US dollars, None where it is not known.
    """

    done: int = 0
    failed: int = 0
    retried: int = 0
    in_flight: int = 0
    skipped: int = 0
    total: int | None = None
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0

    @property
    def settled(self) -> int:
        """Those that nothing more has to be done about, whoever did it."""
        return self.done + self.skipped

    @property
    def fraction(self) -> float | None:
        """How much of it all is settled, from 0 to 1."""
        if self.total is None:
            return None
        return min(1.0, self.settled / self.total) if self.total else 1.0


@dataclass(frozen=True, slots=True)
class _Pace:
    """What came in a second, and how many seconds are left if it goes on like this; None where nobody can know."""

    requests: float | None = None
    tokens: float | None = None
    left: float | None = None

    @classmethod
    def between(cls, since: Snapshot, now: Snapshot) -> "_Pace":
        passed = now.seconds - since.seconds
        if passed <= 0:
            return cls()
        requests = (now.done - since.done) / passed
        to_come = 0 if now.total is None else now.total - now.settled
        left = to_come / requests if requests > 0 and to_come > 0 else None
        return cls(requests, (now.tokens - since.tokens) / passed, left)


def sentence(now: Snapshot, since: Snapshot) -> str:
    """All of it in words, at the pace since an older snapshot."""
    pace = _Pace.between(since, now)
    total = "" if now.total is None else f" of {now.total:,}"
    before = f" ({now.skipped:,} before)" if now.skipped else ""
    return ", ".join(
        _known(
            {
                "done": f"{now.settled:,}{total} done{before}",
                "failed": f"{now.failed:,} failed",
                "retried": f"{now.retried:,} retried",
                "in flight": f"{now.in_flight:,} in flight",
                "requests": _told(pace.requests, _rate, "{} requests/s"),
                "tokens": _told(pace.tokens, _whole, "{} tokens/s"),
                "cost": _told(now.cost, dollars, "{}"),
                "left": _told(pace.left, _duration, "about {} left"),
            }
        ).values()
    )


def columns(now: Snapshot, since: Snapshot) -> dict[str, str]:
    """The same beside a bar: shorter, and without what did not happen."""
    pace = _Pace.between(since, now)
    total = "" if now.total is None else f"/{now.total:,}"
    return _known(
        {
            # Not rounded up: 100 % is when nothing is left.
            "percent": _told(now.fraction, lambda fraction: f"{math.floor(100 * fraction):3}", "{} %"),
            "done": f"{now.settled:,}{total}",
            "failed": _told(now.failed or None, _whole, "{} failed"),
            "retried": _told(now.retried or None, _whole, "{} retried"),
            "in flight": f"{now.in_flight:,} in flight",
            "requests": _told(pace.requests, _rate, "{}/s"),
            "tokens": _told(pace.tokens, _whole, "{} tokens/s"),
            "cost": _told(now.cost, dollars, "{}"),
            "left": _told(pace.left, _duration, "{} left"),
        }
    )


def dollars(amount: float) -> str:
    """An amount of money with the digits that say something: `$1.23`, `$0.0042`."""
    rounded = float(f"{amount:.2g}")
    places = 1 - math.floor(math.log10(rounded)) if 0 < rounded < _DIME else 2
    # A millionth is less than any token costs.
    return f"${amount:,.{min(6, places)}f}"


class Progress(Protocol):
    """Told how far it is some times a second; knows itself when something is to be shown."""

    def show(self, now: Snapshot) -> None:
        """Show it, if it is time."""

    def clear(self) -> None:
        """Leave a clean line; what is shown next is drawn anew."""


class Silent:
    """Shows nothing."""

    def show(self, now: Snapshot) -> None:
        pass

    def clear(self) -> None:
        pass


class Plain:
    """A line every half minute, for a log."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._recent = Recent()
        self._said = 0.0

    def show(self, now: Snapshot) -> None:
        since = self._recent.before(now)
        if now.seconds - self._said >= _LINE_EVERY:
            self._said = now.seconds
            self._say(sentence(now, since))

    def clear(self) -> None:
        """A line that was said stands."""


class Bar:
    """A line of the terminal, drawn anew some times a second."""

    def __init__(self, output: Output, environment: Mapping[str, str]) -> None:
        self._line = Line(output, environment)
        self._coloured = wants_style(environment)
        self._recent = Recent()
        self._drawn = -math.inf

    def show(self, now: Snapshot) -> None:
        since = self._recent.before(now)
        if now.seconds - self._drawn < _DRAW_EVERY or self._line.is_held:
            return
        self._drawn = now.seconds
        self._line.draw(
            bar_line(
                now.fraction,
                columns(now, since),
                room=self._line.room,
                shed=_SHED,
                coloured=self._coloured,
                seconds=now.seconds,
            )
        )

    def clear(self) -> None:
        self._line.clear()


class Recent:
    """Remembers the snapshots of the last seconds, so that a pace is of now and not of the whole run."""

    def __init__(self) -> None:
        self._kept = deque([Snapshot()], _REMEMBERED)

    def before(self, now: Snapshot) -> Snapshot:
        """The newest one that is old enough for a pace; the beginning, if none is."""
        # Twice what is in flight, so that answers that come in waves look like a stream of them.
        few = max(_FEWEST, 2 * now.in_flight)
        while len(self._kept) > 1 and _is_old(self._kept[1], now, few):
            self._kept.popleft()
        since = self._kept[0]
        if now.seconds - self._kept[-1].seconds >= 1:
            self._kept.append(now)
        return since


def choose(mode: Mode, streams: Streams, environment: Mapping[str, str], manners: Verbosity) -> Progress:
    """What `--progress` stands for here; `auto` is a bar where somebody looks on, and nothing elsewhere."""
    if mode == "auto":
        mode = "bar" if can_draw(streams.stderr, environment) and not manners.quiet else "none"
    if mode == "bar" and streams.stderr.is_terminal:
        return Bar(streams.stderr, environment)
    return Silent() if mode == "none" else Plain(streams.say)


def _is_old(then: Snapshot, now: Snapshot, few: int) -> bool:
    return now.seconds - then.seconds >= _SPAN and now.done - then.done >= few


def _known(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: words for name, words in facts.items() if words}


def _told(number: float | None, digits: Callable[[float], str], words: str) -> str:
    return "" if number is None else words.format(digits(number))


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _rate(number: float) -> str:
    """So many a second, with the digits that say something."""
    places = 2 if 0 < number < 1 else 1 if 0 < number < _MANY else 0
    return f"{number:,.{places}f}"


def _duration(seconds: float) -> str:
    """About so long, in the largest unit of which it is some."""
    for unit, size, places in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if seconds >= _SOME * size:
            return f"{seconds / size:,.{places}f} {unit}"
    return f"{math.ceil(seconds)} s"
