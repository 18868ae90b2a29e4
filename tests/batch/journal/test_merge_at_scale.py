"""Many journals are joined like one: with one descriptor at a time, and in the memory of their records."""

import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pytest

from mmpipe.batch.journal.merge import merge
from mmpipe.batch.journal.sidecar import Sidecar, sidecar_path
from mmpipe.unix.streams import Output
from support.harness import LIMIT
from support.journals import record

pytestmark = [pytest.mark.slow]

RECORDS = 200


def divided(folder: Path, count: int) -> list[str]:
    """The journals of so many shards, with sidecars."""
    folder.mkdir()
    paths = [str(folder / f"part-{number}.jsonl") for number in range(1, count + 1)]
    size = RECORDS // count
    for number, path in enumerate(paths, 1):
        own = range(number % count, RECORDS, count)
        lines = [record(str(index), index=index, has_own_id=False) for index in own]
        Path(path).write_bytes(b"".join(lines))
        sidecar = Sidecar(os.urandom(16).hex(), (), {}, 1, 1.0, RECORDS, f"{number}/{count}", size)
        # Not written as a run does, which waits for the disk.
        Path(sidecar_path(path)).write_text(json.dumps(asdict(sidecar)))
    return paths


def peak(paths: list[str], *, in_order: bool) -> int:
    """The most bytes that Python has while journals are joined."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    tracemalloc.start()
    try:
        assert RECORDS == merge(paths, Output(descriptor, "out"), in_order=in_order).records
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        os.close(descriptor)


def test_the_memory_of_a_merge_grows_by_less_than_a_kilobyte_for_each_journal(tmp_path: Path) -> None:
    few, many = divided(tmp_path / "few", 10), divided(tmp_path / "many", RECORDS)
    for in_order in (False, True):
        # The first merge of a process loads modules.
        peak(few, in_order=in_order)
        assert peak(many, in_order=in_order) < peak(few, in_order=in_order) + 1000 * RECORDS


@pytest.mark.parametrize("options", ["", "-k"])
def test_hundreds_of_journals_are_joined_with_64_descriptors(tmp_path: Path, options: str) -> None:
    divided(tmp_path / "parts", RECORDS)
    script = f'ulimit -n 64; exec "$0" -m mmpipe batch --merge parts {options} -o whole.jsonl'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, timeout=LIMIT, check=False
    )
    assert (0, b"mmpipe: 200 records of 200 journals\n") == (done.returncode, done.stderr)
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    expected = [record(str(index), index=index, has_own_id=False) for index in range(RECORDS)]
    assert expected == (lines if options else sorted(lines, key=expected.index))
