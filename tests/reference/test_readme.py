"""The commands of README and help work as they stand."""

import re
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmpipe import RELEASED, __version__
from mmpipe.commands.tree import TREE
from mmpipe.config.options import FILE_KEYS
from support.harness import KEY, LIMIT, put_on_path, service
from support.media import PNG
from support.readme import README, Block, read_blocks, run_lines

BLOCKS = read_blocks()
SHELL = [block for block in BLOCKS if block.language == "sh"]
# These hold the place of a real key, or run this test.
RUN_ELSEWHERE = ("MINIMAX_API_KEY=...", "pytest")


def shell_blocks() -> Sequence[Block]:
    return [block for block in SHELL if not any(words in block.text for words in RUN_ELSEWHERE)]


def without_installation(lines: str) -> str:
    """The lines for an environment in which mmpipe is installed; `test_packaging.py` runs the others too."""
    return "".join(line for line in lines.splitlines(keepends=True) if "pip install" not in line)


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
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)

    def run(lines: str) -> str:
        if "parallel" in lines:
            needs("parallel")
        return run_lines(lines)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("block", shell_blocks(), ids=lambda block: block.text.splitlines()[-1][:60])
def test_each_command_works_as_it_stands_and_prints_what_is_shown(
    block: Block, works: Callable[[str], str]
) -> None:
    printed = works(without_installation(block.text))
    assert block.output in {printed, None}


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [example.line for command in (TREE.program, *TREE.commands) for example in command.examples]
)
def test_each_example_of_the_help_works_as_it_stands(line: str, works: Callable[[str], str]) -> None:
    before = set(Path.cwd().iterdir())
    printed = works(line)
    # TAB is no output.
    assert printed or set(Path.cwd().iterdir()) > before or line.startswith("source")


@pytest.mark.slow
def test_the_lines_for_cron_work_in_its_environment(tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    put_on_path(tmp_path / ".local")
    (tmp_path / "in.jsonl").write_text('"tea"\n')
    settings = tmp_path / ".config/mmpipe"
    settings.mkdir(parents=True)
    (settings / "key").write_text(KEY)
    (settings / "key").chmod(0o600)
    (lines,) = (block.text for block in BLOCKS if block.language == "crontab")
    with service() as server:
        (settings / "config.toml").write_text(f'base_url = "{server.base_url}"\napi_key_file = "key"\n')
        for line in lines.splitlines():
            command = line.split(maxsplit=5)[5]
            done = subprocess.run(
                ["/usr/bin/env", "-i", f"HOME={tmp_path}", "PATH=/usr/bin:/bin", "/bin/sh", "-c", command],
                capture_output=True,
                timeout=LIMIT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            # What a command prints, cron sends by mail.
            assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)
    assert {"today.txt", "out.jsonl"} <= {path.name for path in tmp_path.iterdir()}


def test_the_configuration_that_is_shown_holds_settings_alone() -> None:
    (content,) = (tomllib.loads(block.text) for block in BLOCKS if block.language == "toml")
    profile = content.pop("profile")
    assert {*content, *profile["local"]} <= set(FILE_KEYS)


def test_most_blocks_are_run() -> None:
    assert len(SHELL) <= len(shell_blocks()) + 4


def test_the_readme_is_short_enough_to_be_read() -> None:
    prose = re.sub(
        r"^(```.*?^```|\|.*?|## Changes\n.*?(?=^## ))$", "", README, flags=re.MULTILINE | re.DOTALL
    )
    sentences = re.split(r"(?<=[.:;!?])\s|\n(?=[#-]|\n)", prose)
    assert [] == [sentence for sentence in sentences if len(sentence.split()) > 25]
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
