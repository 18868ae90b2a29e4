"""A long batch at a service that fails: `python tests/bench/soak.py`.

20,000 records at the simulator, of whose answers 5 % are faults of every kind; taken up again until nothing is left.
Memory and descriptors of the first run are watched, and every record must have one answer, its own.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from stub_server import as_id, environment, memory, write_lines

from mmpipe.simulator.faults import parse_fault
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator

RECORDS, AT_ONCE, SHARE = 20_000, 64, 0.05
FAULTS = (
    "500", "1002", "retry-after=1", "base_resp-1000", "event-1013", "choices-null", "cut", "cut-at-frame", "reset",
    "refuse-late", "no-finish", "html", "json-error", "empty", "hang", "hang-mid", "hang-end", "comments", "length",
    "filter", "bad-utf8", "bad-json", "redirect", "bom", "retry-lines",
)  # fmt: skip
HARMLESS = {None, "bom", "retry-lines", "hang-end"}
MMPIPE = (sys.executable, "-m", "mmpipe", "batch")
OPTIONS = ("-q", "-j", str(AT_ONCE), "--wire", "stream", "--idle-timeout", "2", "--first-byte-timeout", "2")
MOST_RUNS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at the process when so many lines of its output were there; memory in MiB."""

    lines: int
    resident: float
    descriptors: int


def as_record(number: int) -> str:
    return json.dumps({"id": as_id(number), "prompt": f"sim:echo {number}"})


def watch(process: "Popen[bytes]", journal: Path) -> Iterator[Sample]:
    """The process, looked at until it ends."""
    while process.poll() is None:
        lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
        try:
            descriptors = sum(1 for _ in Path(f"/proc/{process.pid}/fd").iterdir())
        except OSError:
            return
        yield Sample(lines, memory(process.pid, "VmRSS"), descriptors)
        time.sleep(0.5)


def report(samples: list[Sample]) -> None:
    for share in (0.1, 0.25, 0.5, 0.75, 0.95):
        sample = next((sample for sample in samples if sample.lines >= share * RECORDS), samples[-1])
        print(f"after {sample.lines:6} lines: {sample.resident:6.1f} MiB, {sample.descriptors:3} descriptors")


def run() -> None:
    profile = SimulatorProfile(
        faults=tuple(parse_fault(f"{name}:{SHARE / len(FAULTS):.4f}") for name in FAULTS)
    )
    with tempfile.TemporaryDirectory() as folder, RunningSimulator(profile) as server:
        source, journal = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        write_lines(source, as_record, RECORDS)
        command = (*MMPIPE, *OPTIONS, "--base-url", server.base_url, "-o", journal, "--resume", source)
        statuses = list[int]()
        while len(statuses) < MOST_RUNS and 0 not in statuses:
            with Popen(command, env=environment(folder)) as process:
                samples = list(watch(process, journal))
            statuses.append(process.returncode)
            if len(statuses) == 1:
                report(samples)
        requests = server.requests
        records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    good = Counter(record["id"] for record in records if record["error"] is None)
    own = sum(record["content"] == str(int(record["id"][4:])) for record in records if not record["error"])
    faults = sum(request["fault"] not in HARMLESS for request in requests)
    print(f"statuses of the runs: {statuses}")
    print(f"{len(requests)} requests, {faults} of them were failed: {faults / len(requests):.1%}")
    print(
        f"{len(good)} of {RECORDS} records have a good answer, {sum(good.values()) - len(good)} of them two"
    )
    print(f"{own} have their own; {len(requests) - faults - RECORDS} were asked again after a good answer")


if __name__ == "__main__":
    run()
