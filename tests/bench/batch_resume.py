"""Seconds and memory until `--resume` asks, after half a million answers: `python tests/bench/batch_resume.py`.

A real run is killed as soon as something is in its journal; then the other answers are put there, copied from a real
one with the ids, indices and request hashes that they would have.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stub_server import StubServer, as_id, as_object, as_text, memory, running, write_lines

ANSWERED = 500_000
SECONDS_LIMIT, MEMORY_LIMIT = 5, 150  # MiB
PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Resumption:
    """When it began and ended, and the most memory that it had."""

    began: float
    ended: float
    peak: float


def begun(command: tuple[str, ...], journal: Path, folder: str) -> None:
    """A real run, killed when the first answers are in the journal."""
    with running(command, folder) as process:
        while not (journal.exists() and journal.stat().st_size):
            assert process.poll() is None
            time.sleep(PAUSE)


def request_sha256(number: int) -> str:
    """Of what a run without options asks; checked against the real answers."""
    messages = [{"role": "user", "content": as_text(number)}]
    body = {"model": "MiniMax-M3", "messages": messages, "reasoning_split": True}
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def completed(journal: Path, name: Callable[[int], str]) -> None:
    """The journal with an answer to every record but the last."""
    whole = journal.read_bytes().rpartition(b"\n")[0].splitlines()
    known = {record["id"]: record for record in map(json.loads, whole)}
    example = next(iter(known.values()))
    with journal.open("wb") as file:
        file.writelines(line + b"\n" for line in whole)
        for number in range(ANSWERED):
            own = {"id": name(number), "index": number, "request_sha256": request_sha256(number)}
            if own["id"] in known:
                assert known[own["id"]] == known[own["id"]] | own
            else:
                file.write(json.dumps(example | own, separators=(",", ":")).encode() + b"\n")
    # Half a gigabyte on its way to the disk is not what is measured.
    os.sync()


def resumed(command: tuple[str, ...], folder: str) -> Resumption:
    """A run to its end, which comes right after the one request that is left."""
    peak, began = 0.0, time.monotonic()
    with running((*command, "--resume"), folder) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid, "VmHWM"))
            time.sleep(PAUSE)
    assert process.returncode == 0
    return Resumption(began, time.monotonic(), peak)


def measured(
    line: Callable[[int], str], name: Callable[[int], str], ending: str, answering: StubServer
) -> dict[str, Resumption]:
    """Resumption with and without the file beside the journal, by what is printed of it."""
    with tempfile.TemporaryDirectory() as folder:
        source, journal = Path(folder, f"in.{ending}"), Path(folder, "out.jsonl")
        write_lines(source, line, ANSWERED + 1)
        command = answering.batch(str(source), "-o", str(journal))
        begun(command, journal, folder)
        completed(journal, name)
        size, sidecar = journal.stat().st_size, Path(folder, ".out.jsonl.mmpipe")
        found = {}
        if sidecar.exists():
            found[f"{ending}, with its sidecar"] = resumed(command, folder)
            os.truncate(journal, size)
            sidecar.unlink()
        found[f"{ending}, without a sidecar"] = resumed(command, folder)
        return found


def run() -> None:
    # One server for all: where it is belongs to the settings.
    with StubServer(0.05) as answering:
        found = measured(as_text, str, "txt", answering) | measured(as_object, as_id, "jsonl", answering)
    for name, resumption in found.items():
        # What was answered is not asked again.
        (first,) = (at for at in answering.arrivals if resumption.began < at < resumption.ended)
        print(
            f"{name:24} asks after {first - resumption.began:5.1f} s (limit {SECONDS_LIMIT})"
            f"   at most {resumption.peak:6.1f} MiB (limit {MEMORY_LIMIT})"
        )


if __name__ == "__main__":
    run()
