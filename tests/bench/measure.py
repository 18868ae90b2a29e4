"""Measures commands side by side: rounds taken in turns, so that noise hits all of them."""

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


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
    """Print the median and the best of each command's times, and their ratios to the first."""
    # An installation has compiled modules; a round that is not counted compiles those of a checkout.
    environment = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            costs[name].append(cost_of(command, environment))
    first = costs[next(iter(commands))]
    for name, found in costs.items():
        print(f"{name:34}", *(describe(measure, found[1:], first[1:]) for measure in ("wall", "cpu")))


def describe(measure: str, found: Sequence[Cost], first: Sequence[Cost]) -> str:
    """Median and minimum of a measure in milliseconds, each with its ratio to that of the first command."""
    times, others = ([getattr(cost, measure) for cost in costs] for costs in (found, first))
    parts = (
        f"{choose(times) * 1000:7.1f} ms {choose(times) / choose(others):6.2f} x" for choose in (median, min)
    )
    return f"  {measure} median {next(parts)}, best {next(parts)}"
