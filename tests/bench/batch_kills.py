"""Kills a batch at random moments and takes it up again, and counts what was lost or repeated: `python tests/bench/batch_kills.py`.

`seq 10000 | mmpipe batch -j 200 -o out.jsonl --resume` against the simulator, of whose answers 2 % are failures; killed
with SIGKILL 20 times, and then left to its end.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from stub_server import environment

from mmpipe.simulator.faults import parse_fault
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator

RECORDS, AT_ONCE, KILLS = 10_000, 200, 20
MMPIPE = (sys.executable, "-m", "mmpipe", "batch", "-q", "-j", str(AT_ONCE))


def run_and_kill(command: tuple[str, ...], numbers: Path, env: dict[str, str], after: float | None) -> int:
    """One run over standard input; killed after so many seconds of work, which begins with the first new line."""
    journal = Path(command[-2])
    before = journal.stat().st_size if journal.exists() else 0
    with numbers.open("rb") as stdin, subprocess.Popen(command, stdin=stdin, env=env) as process:
        while after is not None and process.poll() is None:
            if journal.exists() and journal.stat().st_size > before:
                time.sleep(after)
                process.kill()
                break
            time.sleep(0.01)
        return process.wait()


def run() -> None:
    profile = SimulatorProfile(faults=(parse_fault("500:0.02"),))
    with tempfile.TemporaryDirectory() as folder, RunningSimulator(profile) as server:
        numbers, journal = Path(folder, "numbers"), Path(folder, "out.jsonl")
        numbers.write_text("".join(f"{number}\n" for number in range(1, RECORDS + 1)))
        command = (*MMPIPE, "--base-url", server.base_url, "-o", str(journal), "--resume")
        env, killed = environment(folder), 0
        while killed < KILLS:
            status = run_and_kill(command, numbers, env, random.uniform(0, 0.3))  # noqa: S311  any moment will do
            killed += status == -9
            if status != -9:
                break
        status = run_and_kill(command, numbers, env, None)
        records = [json.loads(line) for line in journal.read_bytes().splitlines()]
        answered = [request for request in server.requests if request["status"] == 200]
    good = Counter(record["id"] for record in records if record["error"] is None)
    repeats = len(answered) - RECORDS
    print(f"killed {killed} times; the last run ended with {status}")
    print(f"{len(good)} of {RECORDS} records have a good answer, {sum(good.values()) - len(good)} have two")
    print(f"answered again: {repeats}, at most {killed} kills x {AT_ONCE} in flight = {killed * AT_ONCE}")


if __name__ == "__main__":
    run()
