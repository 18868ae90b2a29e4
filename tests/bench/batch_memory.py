"""Memory and descriptors of `batch` over a long run, from a pipe of records with ids: `python tests/bench/batch_memory.py`.

From standard input, since a named file is read once before anything is asked, and the memory of that would be in both
figures.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from stub_server import StubServer, as_object, memory, running, write_lines

FEW, MANY, AT_ONCE = 2_000, 200_000, 64
LIMIT = 30  # MiB
PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at the process."""

    time: float
    resident: float
    descriptors: int


def watch(folder: str, answering: StubServer) -> list[Sample]:
    """The process, looked at for as long as it runs."""
    source, samples = Path(folder, "in.jsonl"), list[Sample]()
    write_lines(source, as_object, MANY)
    command = answering.batch("-o", str(Path(folder, "out.jsonl")), "-j", str(AT_ONCE))
    with running(command, folder, stdin=source) as process:
        while process.poll() is None:
            descriptors = sum(1 for _ in Path(f"/proc/{process.pid}/fd").iterdir())
            samples.append(Sample(time.monotonic(), memory(process.pid, "VmRSS"), descriptors))
            time.sleep(PAUSE)
    assert process.returncode == 0
    return samples


def run() -> None:
    with tempfile.TemporaryDirectory() as folder, StubServer() as answering:
        samples = watch(folder, answering)
    asked = answering.arrivals
    assert len(asked) == MANY
    before = next(sample for sample in samples if sample.time > asked[FEW - 1])
    # What is seen later may be a process that takes itself apart.
    after = next(sample for sample in reversed(samples) if sample.time < asked[-1])
    for count, sample in ((FEW, before), (MANY, after)):
        print(f"after {count:7} records   RSS {sample.resident:6.1f} MiB   {sample.descriptors} descriptors")
    most = max(sample.descriptors for sample in samples if sample.time > before.time)
    print(
        f"growth {after.resident - before.resident:.1f} MiB (limit {LIMIT}); at most {most} descriptors, {AT_ONCE} at once;"
        f" {MANY / (asked[-1] - asked[0]):.0f} requests/s"
    )


if __name__ == "__main__":
    run()
