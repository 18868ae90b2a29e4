"""Requests a second and CPU of `batch`, against the obvious loop and bare aiohttp: `python tests/bench/batch_speed.py`.

Without latency the clock and the processor are those of a whole run, less those of a run over one record; whole runs stand below
them. With a latency of a second they are taken from the server: slow start and the first full wave are left out, and as only
whole waves are counted, neither does it matter when in a second they come. `batch_wide.py` has whole runs with this latency.
"""

import sys
import tempfile
from pathlib import Path

from measure import Cost, cost_of
from stub_server import StubServer, as_text, environment, write_lines

PEERS = Path(__file__).with_name("peers.py")
OBVIOUS, AIOHTTP, OURS = "the obvious loop", "bare aiohttp", "mmpipe batch"
ROUNDS, RECORDS, AT_ONCE = 3, 4_000, 64
LATE_RECORDS, LATE_AT_ONCE = 10_000, 1_000
RATE_LIMIT, CPU_LIMIT = (
    6.0,
    2.9,
)  # times the obvious loop, times bare aiohttp: milliseconds depend on the machine


def command(name: str, answering: StubServer, folder: str, records: int, at_once: int) -> tuple[str, ...]:
    """Return the command that sends so many records, and writes a line for each."""
    source, target = Path(folder, f"{records}.txt"), Path(folder, "out.jsonl")
    write_lines(source, as_text, records)
    if name == OURS:
        return answering.batch(str(source), "-o", str(target), "--overwrite", "-j", str(at_once))
    peer = {OBVIOUS: "obvious", AIOHTTP: "aiohttp"}[name]
    return (sys.executable, str(PEERS), peer, answering.base_url, str(source), str(target), str(at_once))


def without_latency(folder: str) -> None:
    best: dict[tuple[str, int], Cost] = {}
    with StubServer() as answering:
        for _ in range(ROUNDS):
            for name in (OBVIOUS, AIOHTTP, OURS):
                for records in (1, RECORDS):
                    now = cost_of(command(name, answering, folder, records, AT_ONCE), environment(folder))
                    old = best.get((name, records), now)
                    best[name, records] = Cost(min(now.wall, old.wall), min(now.cpu, old.cpu))
    print(f"No latency, {AT_ONCE} at once, {RECORDS} records, best of {ROUNDS} rounds, start-up subtracted:")
    costs = {
        name: Cost(
            (best[name, RECORDS].wall - best[name, 1].wall) / (RECORDS - 1),
            (best[name, RECORDS].cpu - best[name, 1].cpu) / (RECORDS - 1),
        )
        for name in (OBVIOUS, AIOHTTP, OURS)
    }
    for name, cost in costs.items():
        limits = (f"  (limit {RATE_LIMIT:.2f})", f"  (limit {CPU_LIMIT})") if name == OURS else ("", "")
        print(
            f"  {name:18} {1 / cost.wall:7.0f} requests/s   {costs[OBVIOUS].wall / cost.wall:5.2f} x{limits[0]}"
            f"   CPU {cost.cpu * 1000:6.3f} ms a request   {cost.cpu / costs[AIOHTTP].cpu:5.2f} x{limits[1]}"
        )
    print("The same with the start, whole runs:")
    for name in (OBVIOUS, AIOHTTP, OURS):
        whole, others = best[name, RECORDS], (best[OBVIOUS, RECORDS], best[AIOHTTP, RECORDS])
        print(
            f"  {name:18} {RECORDS / whole.wall:7.0f} requests/s   {others[0].wall / whole.wall:5.2f} x"
            f"   CPU {whole.cpu / RECORDS * 1000:6.3f} ms a request   {whole.cpu / others[1].cpu:5.2f} x"
        )
    print(
        f"  {'the server':18} {'':37} CPU {answering.cpu / len(answering.arrivals) * 1000:6.3f} ms a request"
    )


def steady_rate(arrivals: list[float]) -> float:
    """Requests a second over the last whole waves of as many as are in flight, two waves' worth after the start."""
    waves = (len(arrivals) - 1) // LATE_AT_ONCE - 2
    return waves * LATE_AT_ONCE / (arrivals[-1] - arrivals[-1 - waves * LATE_AT_ONCE])


def with_latency(folder: str) -> None:
    print(f"1 s of latency, {LATE_AT_ONCE} at once, {LATE_RECORDS} records, one run, steady state:")
    rates, allowed = dict[str, float](), float(LATE_AT_ONCE)
    for name in (AIOHTTP, OURS):
        with StubServer(1) as answering:
            cost = cost_of(command(name, answering, folder, LATE_RECORDS, LATE_AT_ONCE), environment(folder))
        rates[name] = steady_rate(answering.arrivals)
        allowed = min(allowed, rates[name]) if name == AIOHTTP else allowed
        limit = "  (limit 90.0 %)" if name == OURS else ""
        print(
            f"  {name:18} {rates[name]:7.0f} requests/s   {rates[name] / allowed:6.1%} of what can be{limit}"
            f"   CPU {cost.cpu / LATE_RECORDS * 1000:6.3f} ms a request, start-up included"
            f"   {cost.wall:5.1f} s in all"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        without_latency(name)
        with_latency(name)
