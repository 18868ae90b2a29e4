"""Whole runs at 1,000 in flight and a second of latency: `python tests/bench/batch_wide.py [ROUNDS]`.

Start, slow start and end are in the figures: bare aiohttp and the obvious loop send their first thousand at once. The
steady state is that of the server: whole waves after slow start.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from batch_speed import AIOHTTP, OBVIOUS, OURS, command
from measure import Cost, cost_of
from stub_server import StubServer, environment

RECORDS, AT_ONCE, ROUNDS = 10_000, 1_000, 3
SLOW_START = 3  # waves at most that a run may take to reach its width
LIMIT = 0.75  # of bare aiohttp's records a second


def steady_rate(arrivals: list[float]) -> float:
    """Requests a second over the last whole waves of as many as are in flight, after slow start."""
    waves = (len(arrivals) - 1) // AT_ONCE - SLOW_START
    return waves * AT_ONCE / (arrivals[-1] - arrivals[-1 - waves * AT_ONCE])


def run(rounds: int) -> None:
    costs, rates = dict[str, list[Cost]](), dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name in (AIOHTTP, OURS, OBVIOUS):
                with StubServer(1) as answering:
                    sending = command(name, answering, folder, RECORDS, AT_ONCE)
                    try:
                        cost = cost_of(sending, environment(folder))
                    except subprocess.CalledProcessError:
                        print(
                            f"  {name} failed"
                        )  # the SDK's pool may not connect a thousand times within its limit
                        continue
                costs.setdefault(name, []).append(cost)
                rates.setdefault(name, []).append(steady_rate(answering.arrivals))
    print(f"1 s of latency, {AT_ONCE} at once, {RECORDS} records, {rounds} rounds, whole runs:")
    walls = {name: [cost.wall for cost in found] for name, found in costs.items()}
    for name, found in costs.items():
        best, middle = min(walls[AIOHTTP]) / min(walls[name]), median(walls[AIOHTTP]) / median(walls[name])
        limit = f" (limit {LIMIT})" if name == OURS else ""
        print(
            f"  {name:17} {RECORDS / min(walls[name]):5.0f} records/s  {best:4.2f} x{limit}"
            f"   median {RECORDS / median(walls[name]):5.0f}  {middle:4.2f} x"
            f"   CPU {min(cost.cpu for cost in found) / RECORDS * 1000:6.3f} ms a record"
            f"   steady {max(rates[name]):5.0f} requests/s"
        )
    print(f"load {Path('/proc/loadavg').read_text(encoding='ascii').strip()}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
