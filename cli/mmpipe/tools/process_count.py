"""Counts the processes of a tool, so that one that only multiplies can be stopped."""

import time
from collections import defaultdict
from pathlib import Path

_EVERY = 1.0  # seconds between two counts, as long as the machine has no more processes than before
_PATIENCE = 0.2  # seconds; a machine on which counting takes longer is full of processes


class ProcessCounter:
    """Watches whether the processes that descend from `leader` become more than `most`.

    Looking at each process of the machine is dear, and while they multiply it takes ever longer and comes ever later. How
    many there are in all is told by one small read; only if these have become more is it worth a look whose they are.
    """

    def __init__(self, leader: int, most: int) -> None:
        self._leader, self._most = leader, most
        self._before = _on_machine()
        self._next = 0.0

    def is_over(self) -> bool:
        """Whether there are more now."""
        now = time.monotonic()
        has_grown = _on_machine() > self._before + self._most // 2
        if now < self._next and not has_grown:
            return False
        self._next = now + _EVERY
        family = count_family(self._leader)
        if time.monotonic() < now + _PATIENCE or _on_machine() < self._before + self._most:
            return family > self._most
        # While they were counted they became too many to be counted.
        return family > self._most // 8


def _on_machine() -> int:
    """The threads of all processes; 0 where there is no /proc to tell."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, IndexError, ValueError):
        return 0


def count_family(leader: int) -> int:
    """How many processes descend from `leader` or belong to its session; 0 where there is no /proc to tell.

    In a namespace of its own nothing leaves the family: whoever loses its parent there gets the first process of the
    namespace for one, whatever sessions and further namespaces are made. Without one, a process that leaves the session
    and loses its parent is not counted.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent, session in _processes():
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


def _processes() -> list[tuple[int, int, int]]:
    """Process, parent and session of each."""
    rows = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_bytes()
        except OSError:
            # It ended since.
            continue
        # The name, in parentheses, may hold anything; what follows it is numbers.
        _, parent, _, session = stat[stat.rindex(b")") + 1 :].split(None, 4)[:4]
        rows.append((int(folder.name), int(parent), int(session)))
    return rows
