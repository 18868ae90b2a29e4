"""Counts the processes of a tool, so that a fork bomb is stopped."""

import time
from collections import defaultdict
from pathlib import Path

_INTERVAL = 1.0  # seconds between two scans while the total of the machine does not grow
_SLOW_SCAN = 0.2  # seconds; a longer scan means that the machine is full of processes


class ProcessCounter:
    """Counts the descendants of process `leader` against the limit `most`.

    Scanning all processes is slow, and slower as they multiply. Read the total first, and scan only if it has grown.
    """

    def __init__(self, leader: int, most: int) -> None:
        self._leader, self._most = leader, most
        self._before = _count_threads()
        self._next = 0.0

    def is_over_limit(self) -> bool:
        """Return True if there are more than `most` descendants now."""
        now = time.monotonic()
        has_grown = _count_threads() > self._before + self._most // 2
        if now < self._next and not has_grown:
            return False
        self._next = now + _INTERVAL
        family = count_family(self._leader)
        if time.monotonic() < now + _SLOW_SCAN or _count_threads() < self._before + self._most:
            return family > self._most
        # The processes multiply faster than the scan counts them: a part of them is enough.
        return family > self._most // 8


def _count_threads() -> int:
    """Return the number of threads on the machine; 0 without /proc."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, IndexError, ValueError):
        return 0


def count_family(leader: int) -> int:
    """Return the number of processes that descend from `leader` or belong to its session; 0 without /proc.

    In a PID namespace the count is complete: an orphan there becomes a child of the namespace's first process.
    Without a namespace, an orphan that has left the session is not counted.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent, session in _scan_processes():
        children[parent].append(pid)
        if session == leader and pid != leader:
            children[leader].append(pid)
    family: set[int] = set()
    found = [leader] if leader in children else []
    while found:
        pid = found.pop()
        if pid not in family:
            family.add(pid)
            found += children.get(pid, ())
    return len(family)


def _scan_processes() -> list[tuple[int, int, int]]:
    """Return the number, parent and session of each process."""
    rows = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_bytes()
        except OSError:
            # The process has ended since.
            continue
        # The name, in parentheses, may hold any bytes; numbers follow it.
        _, parent, _, session = stat[stat.rindex(b")") + 1 :].split(None, 4)[:4]
        rows.append((int(folder.name), int(parent), int(session)))
    return rows
