"""Measures how far a batch is: counts at one moment, and the pace between two."""

from collections import deque

from mmpipe.dataclass import dataclass

_MIN_SECONDS = 15.0  # between two snapshots, for a pace
_MIN_RECORDS = 20  # likewise: one slow record is no measure of the others
_MAX_SNAPSHOTS = 600  # one a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counts of a run, `seconds` after its start; without arguments, at its start.

    `done` counts the records that this run has settled, failed ones too. `skipped` counts those answered before it, and
    `total` all records of the input, None if unknown. `cost` is in US dollars; it and `tokens` are None if unknown.
    """

    done: int = 0
    failed: int = 0
    retried: int = 0
    in_flight: int = 0
    skipped: int = 0
    total: int | None = None
    tokens: int | None = 0
    cost: float | None = None
    seconds: float = 0.0

    @property
    def settled(self) -> int:
        """Number of records that need no more work, whichever run did it."""
        return self.done + self.skipped

    @property
    def fraction(self) -> float | None:
        """Settled part of all records, from 0 to 1; None if the total is unknown."""
        if self.total is None:
            return None
        return min(1.0, self.settled / self.total) if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Requests and tokens a second, and the seconds left at this pace; None if unknown."""

    requests: float | None = None
    tokens: float | None = None
    left: float | None = None

    @classmethod
    def between(cls, since: Snapshot, now: Snapshot) -> "Throughput":
        passed = now.seconds - since.seconds
        if passed <= 0:
            return cls()
        requests = (now.done - since.done) / passed
        to_come = 0 if now.total is None else now.total - now.settled
        left = to_come / requests if requests > 0 and to_come > 0 else None
        tokens = None
        if now.tokens is not None and since.tokens is not None:
            tokens = (now.tokens - since.tokens) / passed
        return cls(requests, tokens, left)


class RecentSnapshots:
    """Snapshots of the last minutes, so that a pace is the current one and not the average of the run."""

    def __init__(self) -> None:
        self._snapshots = deque([Snapshot()], _MAX_SNAPSHOTS)

    def add(self, now: Snapshot) -> Snapshot:
        """Add `now`; returns the newest snapshot that is old enough for a pace, or else the oldest."""
        # Twice the requests in flight, so that answers in waves do not change the pace.
        few = max(_MIN_RECORDS, 2 * now.in_flight)
        while len(self._snapshots) > 1 and _is_old_enough(self._snapshots[1], now, few):
            self._snapshots.popleft()
        since = self._snapshots[0]
        if now.seconds - self._snapshots[-1].seconds >= 1:
            self._snapshots.append(now)
        return since


def _is_old_enough(then: Snapshot, now: Snapshot, few: int) -> bool:
    return now.seconds - then.seconds >= _MIN_SECONDS and now.done - then.done >= few
