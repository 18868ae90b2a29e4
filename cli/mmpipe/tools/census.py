"""Counts the processes of a tool, so that one that only multiplies can be stopped."""

from collections import defaultdict
from pathlib import Path


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
