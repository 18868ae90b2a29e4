"""One process at 1,000,000 records an hour, where an answer takes 20 s: `python tests/bench/batch_million.py [SECONDS]`.

The processor, memory and descriptors of the process, and the bytes of its journal, while the rate holds it at its full
width. Then the journal alone: lines of the same length, in groups as they become ready, as fast as they can be written.
Takes about five minutes.
"""

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from stub_server import StubServer, as_text, memory, running, write_lines

from mmpipe.batch.journal.journal import open_journal

PER_HOUR, AT_ONCE = 1_000_000, 8_000
RECORDS = 36_000  # the ramp takes about 8,000 of them, and the last wave some 5,600
PAUSE = 0.5
LINES, GROUP = 500_000, 8
KIB, TICKS = 2**10, os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at the process: seconds, seconds of the processor, MiB, descriptors, and bytes of the journal."""

    time: float
    cpu: float
    resident: float
    descriptors: int
    journal: int


def look(pid: int, out: Path) -> Sample:
    status = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    cpu = (int(status[11]) + int(status[12])) / TICKS
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    written = out.stat().st_size if out.exists() else 0
    return Sample(time.monotonic(), cpu, memory(pid, "VmRSS"), descriptors, written)


def watch(folder: str, answering: StubServer) -> list[Sample]:
    """The process, looked at for as long as it runs."""
    source, out, samples = Path(folder, "in.txt"), Path(folder, "out.jsonl"), list[Sample]()
    write_lines(source, as_text, RECORDS)
    rpm = str(round(PER_HOUR / 60))
    command = answering.batch(str(source), "-o", str(out), "-j", str(AT_ONCE), "--rpm", rpm)
    with running(command, folder) as process:
        while process.poll() is None:
            samples.append(look(process.pid, out))
            time.sleep(PAUSE)
    assert process.returncode == 0
    return samples


def run(latency: float) -> None:
    with tempfile.TemporaryDirectory() as folder, StubServer(latency) as answering:
        samples = watch(folder, answering)
        length = Path(folder, "out.jsonl").stat().st_size / RECORDS
        alone = write_alone(folder, round(length))
    asked = answering.arrivals
    # From when answers come at the full rate to the last request.
    full = max(sample.descriptors for sample in samples) * 0.9
    begin = next(sample for sample in samples if sample.descriptors > full).time + latency
    steady = [sample for sample in samples if begin < sample.time < asked[-1]]
    first, last = steady[0], steady[-1]
    seconds, cpu = last.time - first.time, last.cpu - first.cpu
    records = sum(first.time < arrival < last.time for arrival in asked)
    print(
        f"{records / seconds:.0f} requests/s for {seconds:.0f} s, {PER_HOUR / 3600:.0f} allowed:"
        f" CPU {cpu / seconds:.0%} of a core, {cpu / records * 1000:.2f} ms a record;"
        f" RSS {last.resident:.0f} MiB, {last.descriptors} descriptors;"
        f" journal {(last.journal - first.journal) / seconds / KIB:.0f} KiB/s, {length:.0f} bytes a record"
    )
    print(f"the journal alone: {alone.lines:.0f} lines/s, CPU {alone.cpu * 1e3:.4f} ms a line")


@dataclass(frozen=True, slots=True)
class Written:
    """Lines a second, and seconds of the processor for each."""

    lines: float
    cpu: float


def write_alone(folder: str, length: int) -> Written:
    group = [b"x" * (length - 1) + b"\n"] * GROUP
    began, before = time.perf_counter(), time.process_time()
    with open_journal(str(Path(folder, "alone.jsonl")), resume=False, overwrite=False) as journal:
        synced = time.monotonic()
        for _ in range(LINES // GROUP):
            journal.append(group)
            if time.monotonic() - synced > 1:
                journal.sync()
                synced = time.monotonic()
    seconds, cpu = time.perf_counter() - began, time.process_time() - before
    return Written(LINES / seconds, cpu / LINES)


if __name__ == "__main__":
    run(float(sys.argv[1]) if sys.argv[1:] else 20)
