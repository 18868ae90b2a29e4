"""Memory and CPU of `batch` over a long run, in each kind of run: `python tests/bench/batch_memory.py [RECORDS [ROW...]]`.

From standard input, since a named file is read once before anything is asked, and the memory of that would be in both
figures. The memory after many records is compared with that after few; the CPU a record in a run's second half with that in its
second quarter: neither grows with the number of records. The speed of a shared machine changes within a run: so this program does
a fixed work ten times a second, and the CPU is compared as multiples of the time of that work.
"""

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stub_server import StubServer, as_object, memory, running, write_lines

FEW, MANY, AT_ONCE = 2_000, 200_000, 64
LIMIT, FLAT = 30, 0.1  # MiB of growth; the share by which CPU a record may grow
PAUSE = 0.1
FAILED = "20"  # one record in so many is refused
TICK = os.sysconf("SC_CLK_TCK")
SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
ANSWER = '{"label": "An answer of a few words, as a classifier gives it."}'


def as_row(number: int) -> str:
    return f'{number},"prompt {number}, of two fields"' if number else "id,prompt"


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of run: its options, its input, and the content and the failures of its answers."""

    options: Sequence[str] = ()
    line: Callable[[int], str] = as_object
    answers: tuple[str, ...] = ()
    status: int = 0
    is_resumed: bool = False


ROWS: Mapping[str, Row] = {
    "ids": Row(),
    "-k": Row(("-k",)),
    "--schema": Row(("--schema", "{folder}/schema.json"), answers=(ANSWER,)),
    "CSV": Row(("--input-format", "csv"), as_row),
    "5 % failures": Row(answers=("", FAILED), status=14),
    "--resume": Row(("--resume",), is_resumed=True),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at the process: MiB, descriptors, seconds of the processor, and those of a fixed work at the same time."""

    time: float
    resident: float
    descriptors: int
    cpu: float
    work: float


def look(pid: int) -> Sample:
    """Look at a process that runs."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    cpu = (int(fields[11]) + int(fields[12])) / TICK
    return Sample(time.monotonic(), memory(pid, "VmRSS"), descriptors, cpu, time_work())


def time_work() -> float:
    """Return the seconds of the processor for a fixed work, done by Python alone."""
    began = time.thread_time()
    for _ in range(20):
        json.loads(json.dumps({str(number): [number] for number in range(20)}))
    return time.thread_time() - began


def multiples(samples: Sequence[Sample], first: Sample, last: Sample) -> float:
    """Return the processor's time between two looks, each part of it as a multiple of the work beside it."""
    between = [sample for sample in samples if first.time <= sample.time <= last.time]
    return sum((then.cpu - before.cpu) / then.work for before, then in itertools.pairwise(between))


def watch(folder: str, row: Row, many: int, answering: StubServer) -> list[Sample]:
    """The process, looked at for as long as it runs."""
    source, journal, samples = Path(folder, "in"), Path(folder, "out.jsonl"), list[Sample]()
    Path(folder, "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    options = [option.format(folder=folder) for option in row.options]
    command = answering.batch("-o", str(journal), "-j", str(AT_ONCE), *options)
    if row.is_resumed:
        write_lines(source, row.line, many // 2)
        with running(tuple(word for word in command if word != "--resume"), folder, stdin=source) as process:
            assert process.wait() == 0
    write_lines(source, row.line, many)
    with running(command, folder, stdin=source) as process:
        while process.poll() is None:
            try:
                samples.append(look(process.pid))
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(PAUSE)
        assert process.wait() == row.status, process.returncode
    return samples


def at(samples: Sequence[Sample], when: float) -> Sample:
    """The first look after that time; the last one if there is none."""
    return next((sample for sample in samples if sample.time > when), samples[-1])


def measure(name: str, row: Row, many: int) -> None:
    """Run, and print the figures of the row."""
    with tempfile.TemporaryDirectory() as folder, StubServer(answers=row.answers) as answering:
        samples = watch(folder, row, many, answering)
    # Of a resumed run only the second half is asked.
    asked = [when for when in answering.arrivals if when > samples[0].time]
    last = len(asked) - 1
    first, quarter, half = (
        at(samples, asked[place]) for place in (min(FEW, last // 4), last // 4, last // 2)
    )
    # What is seen later may be a process that takes itself apart.
    end = next(sample for sample in reversed(samples) if sample.time < asked[-1] or sample is samples[0])
    early = multiples(samples, quarter, half) / (last / 4)
    late = multiples(samples, half, end) / (last / 2)
    growth, each = end.resident - first.resident, (end.cpu - quarter.cpu) / (last * 3 / 4)
    print(
        f"{name:13} RSS {first.resident:6.1f} MiB, at the end {end.resident:6.1f}: growth {growth:5.1f} (limit {LIMIT})"
        f"   CPU {each * 1e3:6.3f} ms a record, {early:5.3f} x the work, later {late:5.3f} x: {late / early - 1:+6.1%} (limit {FLAT:.0%})"
        f"   at most {max(sample.descriptors for sample in samples)} descriptors; {last / (asked[-1] - asked[0]):5.0f} requests/s",
        flush=True,
    )


def run(many: int, names: Sequence[str]) -> None:
    for name in names or ROWS:
        measure(name, ROWS[name], many)
    print(f"load {Path('/proc/loadavg').read_text(encoding='ascii').strip()}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else MANY, sys.argv[2:])
