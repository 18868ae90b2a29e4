"""Descriptors, memory and time of `batch --merge` for few journals and for many: `python tests/bench/batch_merge.py`.

The same records are in 10 journals and in 5,000, which is a journal for each record; no process may have more than 64 open
files. Memory is what the process has at its most, and time that of the processor.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from mmpipe.batch.journal.sidecar import sidecar_path

RECORDS, DESCRIPTORS = 5_000, 64
SHA256 = sha256(b"a request").hexdigest()


def write_journals(folder: Path, count: int, sidecar: str) -> None:
    """The journals of so many shards, each with a sidecar that is like a real one but for its facts."""
    folder.mkdir()
    for number in range(1, count + 1):
        path = folder / f"part-{number}.jsonl"
        with path.open("w") as file:
            for index in range(number % count, RECORDS, count):
                line = {"id": str(index), "index": index, "content": "x" * 500, "error": None, "attempt": 1}
                file.write(json.dumps({**line, "request_sha256": SHA256, "has_own_id": False}) + "\n")
        shard = {"records": RECORDS, "shard": f"{number}/{count}", "taken": RECORDS // count}
        Path(sidecar_path(str(path))).write_text(json.dumps(json.loads(sidecar) | shard))


def real_sidecar(folder: Path) -> str:
    """What a run writes beside its journal."""
    (folder / "topics.txt").write_text("tea\n")
    command = (sys.executable, "-m", "mmpipe", "sim", "--", sys.executable, "-m", "mmpipe", "batch", "-q")
    subprocess.run((*command, "topics.txt", "-o", "out.jsonl"), cwd=folder, check=True)
    return Path(sidecar_path(str(folder / "out.jsonl"))).read_text()


def measure(folder: Path, *options: str) -> tuple[float, float]:
    """The most memory of a merge in MiB, and its seconds."""
    script = f'ulimit -n {DESCRIPTORS}; exec "$@" > /dev/null'
    command = (sys.executable, "-m", "mmpipe", "batch", "-q", "--merge", str(folder), *options)
    process = subprocess.Popen(("sh", "-c", script, "sh", *command))
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def run() -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= DESCRIPTORS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sidecar = real_sidecar(folder)
        counts = (10, RECORDS)
        for count in counts:
            write_journals(folder / str(count), count, sidecar)
        for options in ((), ("-k",)):
            for count in counts:
                memory, seconds = measure(folder / str(count), *options)
                print(
                    f"{' '.join(options):3} {count:5} journals   {memory:6.1f} MiB   {seconds:5.1f} s"
                    f"   {1e6 * seconds / count:9.0f} us a journal"
                )


if __name__ == "__main__":
    run()
