"""A full disk ends a batch at a whole line, and the batch goes on when there is room again."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.harness import mmpipe, prompts, service

pytestmark = pytest.mark.outputs


@pytest.fixture
def small_disk(here: Path) -> Iterator[Path]:
    """A file system of 64 kB that can be made larger."""
    folder = here / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_reported_leaves_whole_lines_and_loses_nothing(here: Path, small_disk: Path) -> None:
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(300)))
    out = small_disk / "out.jsonl"
    command = ("batch", "in.txt", "-o", str(out), "-j", "8")
    with service() as server:
        full = mmpipe(*command, server=server)
        assert 13 == full.status, full.stderr_text
        assert "No space left" in full.stderr_text
        assert out.read_bytes().endswith(b"\n")
        summary = re.search(
            r"mmpipe: (\d+) good, 0 failed, 0 answered before, (\d+) answered but not written",
            full.stderr_text,
        )
        assert summary is not None, full.stderr_text
        assert out.read_bytes().count(b"\n") == int(summary[1])
        answered = {json.loads(line)["id"] for line in out.read_bytes().splitlines()}
        asked = len(prompts(server))
        assert len(answered) <= asked <= len(answered) + 3 * 8

        subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
        assert 0 == mmpipe(*command, "--resume", server=server).status
        assert 300 - len(answered) == len(prompts(server)) - asked
    assert 300 == len({json.loads(line)["id"] for line in out.read_bytes().splitlines()})
