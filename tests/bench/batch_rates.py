"""`--rpm` holds and is used, by one run and by two that share it: `python tests/bench/batch_rates.py`.

Counted where requests arrive. Takes more than four minutes.
"""

import tempfile
import time
from bisect import bisect_left
from contextlib import ExitStack
from pathlib import Path

from stub_server import StubServer, as_text, running, write_lines

RPM = 600
MOST, FEWEST = 605, RPM * 95 // 100
SECONDS = 125
LATENCY = 0.1


def arrivals(runs: int) -> list[float]:
    """When requests came from so many runs at once."""
    with tempfile.TemporaryDirectory() as folder, StubServer(LATENCY) as answering:
        source = Path(folder, "in.txt")
        write_lines(source, as_text, 10 * RPM)
        with ExitStack() as stack:
            command = answering.batch("--rpm", str(RPM), str(source))
            processes = [stack.enter_context(running(command, folder)) for _ in range(runs)]
            time.sleep(SECONDS)
            for process in processes:
                assert process.poll() is None
                process.terminate()
            for process in processes:
                process.wait()
    return answering.arrivals


def within(times: list[float], start: float) -> int:
    """Return the number of requests in the minute from that time on."""
    return bisect_left(times, start + 60) - bisect_left(times, start)


def run() -> None:
    for runs in (1, 2):
        times = arrivals(runs)
        worst = max(within(times, start) for start in times)
        print(
            f"--rpm {RPM}, {runs} at once: at most {worst} in any 60 s (limit {MOST}),"
            f" {within(times, times[0] + 60)} in the second minute (at least {FEWEST}), {len(times)} in {SECONDS} s",
            flush=True,
        )


if __name__ == "__main__":
    run()
