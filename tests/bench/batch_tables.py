"""CPU and memory of reading tables and arrays, beside JSONL with the same content: `python tests/bench/batch_tables.py [ROWS]`.

Each format is read in a process of its own, from the file to the requests, as a run does.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mmpipe.batch.records.formats.record_format import FormatOptions
from mmpipe.batch.records.input_file import find_files
from mmpipe.batch.records.records import Record, read_records
from mmpipe.batch.records.requests import RequestDefaults
from mmpipe.batch.records.sources import read_pieces
from mmpipe.batch.records.template import Template
from mmpipe.unix.streams import Input

ROWS = 2_000_000
READINGS = 3  # the shortest counts
MOST = 1.3  # of the CPU time of JSONL
Row = dict[str, str]


def rows(count: int) -> Iterator[Row]:
    for number in range(count):
        text = f'Arrived in time, works "as described".\nThe {number}th of its kind; 很好, five stars.'
        yield {"id": f"r{number}", "title": f"Review {number}", "text": text, "stars": str(number % 5)}


def write_jsonl(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(count))


def write_array(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number, row in enumerate(rows(count)):
            file.write(("," if number else "[") + "\n" + json.dumps(row, ensure_ascii=False, indent=2))
        file.write("\n]\n")


def write_table(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["id", "title", "text", "stars"], delimiter="\t" if path.suffix == ".tsv" else ","
        )
        writer.writeheader()
        writer.writerows(rows(count))


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "in.jsonl": write_jsonl,
    "in.json": write_array,
    "in.csv": write_table,
    "in.tsv": write_table,
}


def read(path: str) -> None:
    """Read the file; print the number of records, seconds of CPU, and the growth of memory in MiB."""
    defaults = RequestDefaults("MiniMax-M3", template=Template.parse("{title}: {text}"))
    pieces = read_pieces(find_files([path], Input(0)))
    records, before, count = read_records(pieces, defaults, FormatOptions()), 0, 0
    began = time.process_time()
    for count, record in enumerate(records, 1):
        assert isinstance(record, Record), record
        if count == 1000:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = time.process_time() - began
    print(count, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def run(count: int) -> None:
    first = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder, name)
            write(path, count)
            command = [sys.executable, __file__, "--read", str(path)]
            found, seconds, growth = map(
                float, subprocess.run(command, check=True, capture_output=True).stdout.split()
            )
            assert count == found
            first = first or seconds
            print(
                f"{name:9} {count} records   {seconds / count * 1e6:6.1f} us a record   {seconds / first:4.2f} x JSONL (limit {MOST})"
                f"   memory grew by {growth:.1f} MiB"
            )
            path.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2])
    else:
        run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
