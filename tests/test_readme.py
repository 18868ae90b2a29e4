"""What the README shows works: its commands run, and its tables agree with the program."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from program.harness import environment, put_on_path, service

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# These install, or hold the place of a real key.
RUN_ELSEWHERE = ("pip install", "MINIMAX_API_KEY=...")


def commands() -> list[str]:
    return [block for block in BLOCKS if not any(words in block for words in RUN_ELSEWHERE)]


@pytest.mark.parametrize("block", commands())
def test_each_command_works_as_it_stands(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[[str], None]
) -> None:
    for program in ("bash", "git", "jq"):
        needs(program)
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    (tmp_path / "notes.txt").write_text("First note.\n")
    (tmp_path / "topics.txt").write_text("tea\ncoffee\n")
    subprocess.run(["git", "init", "-q", "."], check=True)
    with service() as far:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env=environment(far),
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    assert "simulated answer" in done.stdout or (tmp_path / "answer.txt").exists()
    assert "Traceback" not in done.stderr


def test_the_blocks_that_are_run_are_most_of_them() -> None:
    assert len(BLOCKS) == len(commands()) + 3


def test_the_exit_table_agrees_with_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \|", README, re.MULTILINE)
    # Those of commands that are still to come are not promised yet.
    later = {ExitStatus.PARTIAL, ExitStatus.BUSY}
    assert [(str(int(status)), status.label) for status in ExitStatus if status not in later] == rows


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert README.count("\n") <= 200
