"""Measures commands side by side: rounds taken in turns, so that noise hits all of them, and the fastest counts."""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the wall clock and of the processor."""

    wall: float
    cpu: float


def cost_of(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Return the cost of one run of a command, which must succeed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(
    commands: Mapping[str, Sequence[str]], rounds: int = 15, environment: Mapping[str, str] = os.environ
) -> None:
    """Print each command's best time, and its ratio to the first."""
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            now = cost_of(command, environment)
            old = best.get(name, now)
            best[name] = Cost(min(now.wall, old.wall), min(now.cpu, old.cpu))
    first = next(iter(best.values()))
    for name, cost in best.items():
        print(
            f"{name:34} wall {cost.wall * 1000:7.1f} ms {cost.wall / first.wall:6.2f} x"
            f"   cpu {cost.cpu * 1000:7.1f} ms {cost.cpu / first.cpu:6.2f} x"
        )
