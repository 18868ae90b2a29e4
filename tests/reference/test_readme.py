"""The commands of README and help work as they stand."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmpipe import RELEASED, __version__
from mmpipe.commands.tree import TREE
from support.harness import LIMIT, environment, put_on_path, service
from support.media import PNG

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# These install, or hold the place of a real key.
RUN_ELSEWHERE = ("pip install", "MINIMAX_API_KEY=...")


def commands() -> list[str]:
    return [block for block in BLOCKS if not any(words in block for words in RUN_ELSEWHERE)]


@pytest.fixture
def works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[[str], None]
) -> Callable[[str], str]:
    """Runs lines for bash in a folder with what they name; they have to succeed, and what they print is returned."""
    for program in ("bash", "git", "jq"):
        needs(program)
    monkeypatch.chdir(tmp_path)
    put_on_path(tmp_path)
    (tmp_path / "notes.txt").write_text("First note.\n")
    (tmp_path / "photo.png").write_bytes(PNG)
    (tmp_path / "topics.txt").write_text("tea\ncoffee\n")
    subprocess.run(["git", "init", "-q", "."], check=True)

    def run(lines: str) -> str:
        if "parallel" in lines:
            needs("parallel")
        with service() as server:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", lines],
                env=environment(server),
                capture_output=True,
                text=True,
                timeout=LIMIT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        assert 0 == done.returncode, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return run


@pytest.mark.slow
@pytest.mark.parametrize("block", commands())
def test_each_command_works_as_it_stands(block: str, works: Callable[[str], str]) -> None:
    printed = works(block)
    assert "simulated answer" in printed or any(Path(name).exists() for name in ("answer.txt", "all.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [example.line for command in (TREE.program, *TREE.commands) for example in command.examples]
)
def test_each_example_of_the_help_works_as_it_stands(line: str, works: Callable[[str], str]) -> None:
    before = set(Path.cwd().iterdir())
    printed = works(line)
    # TAB is no output.
    assert printed or set(Path.cwd().iterdir()) > before or line.startswith("source")


def test_the_blocks_that_are_run_are_most_of_them() -> None:
    assert len(BLOCKS) == len(commands()) + 3


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert README.count("\n") <= 200


def test_the_changes_are_kept_as_keep_a_changelog_says() -> None:
    (changes,) = re.findall(r"^## Changes\n+(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    versions = re.findall(r"^### (.*)$", changes, re.MULTILINE)
    assert ["Unreleased", f"{__version__} - {RELEASED}"] == versions[:2]
    kinds = "Added|Changed|Deprecated|Removed|Fixed|Security"
    assert [] == re.findall(rf"^(?!### |- (?:{kinds}): |  |$).*$", changes, re.MULTILINE)


def groups_of_promises() -> set[str]:
    """The groups of tests that the table of promises names."""
    (table,) = re.findall(r"^\| promise \|.*?\n\n", README, re.MULTILINE | re.DOTALL)
    return {
        name for row in table.strip().splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[-2])
    }


def test_each_group_that_the_promises_name_has_tests() -> None:
    marked = {
        name
        for module in Path(__file__).parents[1].rglob("test_*.py")
        for name in re.findall(r"^pytestmark = pytest\.mark\.(\w+)$", module.read_text("utf-8"), re.MULTILINE)
    }
    assert groups_of_promises() == marked
