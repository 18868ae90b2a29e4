"""Memory and CPU of `batch` over a long run, in each kind of run: `python tests/bench/batch_memory.py [RECORDS [ROW...]]`.

From standard input, since a named file is read once before anything is asked, and the memory of that would be in both
figures. The memory after many records is compared with that after few; the CPU a record in a run's second half with that in its
second quarter: neither grows with the number of records. The server does the same for each record, at the same time: so the CPU
is compared as a multiple of the server's, which a busy machine changes less than milliseconds.
"""

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
    """A look at the process: MiB, descriptors, seconds of the processor, and those of the server."""

    time: float
    resident: float
    descriptors: int
    cpu: float
    server_cpu: float


def count_seconds(pid: int) -> float:
    """Return the seconds of the processor that a running process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def look(pid: int, server: int) -> Sample:
    """Look at a process that runs, and at its server."""
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(
        time.monotonic(), memory(pid, "VmRSS"), descriptors, count_seconds(pid), count_seconds(server)
    )


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
                samples.append(look(process.pid, answering.process_id))
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
    early, late = (
        (then.cpu - before.cpu) / (then.server_cpu - before.server_cpu)
        for before, then in ((quarter, half), (half, end))
    )
    growth, each = end.resident - first.resident, (end.cpu - quarter.cpu) / (last * 3 / 4)
    print(
        f"{name:13} RSS {first.resident:6.1f} MiB, at the end {end.resident:6.1f}: growth {growth:5.1f} (limit {LIMIT})"
        f"   CPU {each * 1e3:6.3f} ms a record, {early:5.3f} x the server's, later {late:5.3f} x: {late / early - 1:+6.1%} (limit {FLAT:.0%})"
        f"   at most {max(sample.descriptors for sample in samples)} descriptors; {last / (asked[-1] - asked[0]):5.0f} requests/s",
        flush=True,
    )


def run(many: int, names: Sequence[str]) -> None:
    for name in names or ROWS:
        measure(name, ROWS[name], many)
    print(f"load {Path('/proc/loadavg').read_text(encoding='ascii').strip()}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else MANY, sys.argv[2:])
