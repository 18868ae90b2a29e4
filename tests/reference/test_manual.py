"""The man page is valid for man, mandoc and groff, and agrees with README."""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmpipe.chat.stats import AnswerStats
from mmpipe.commands.tree import TREE
from mmpipe.core.reply import Attempts, Reply, usage_json
from mmpipe.errors import BadResponse, ExitStatus
from mmpipe.grammar import Command, Example, Tree
from mmpipe.reference.manual import man_page
from mmpipe.reference.tables import EXIT_STATUSES, JSON_OUTPUT, SIGNALS

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PAGE = Path(__file__).parents[2] / "completions" / "mmpipe.1"


@pytest.mark.parametrize(
    "command", [("mandoc", "-Tlint", "-Wall"), ("groff", "-man", "-ww", "-z"), ("man", "--warnings", "-l")]
)
def test_no_renderer_reports_an_error(command: tuple[str, ...], needs: Callable[[str], None]) -> None:
    needs(command[0])
    done = subprocess.run([*command, PAGE], capture_output=True, text=True, check=False, timeout=120)
    assert (0, "") == (done.returncode, done.stderr)
    assert command[0] == "man" or not done.stdout


def shown(needs: Callable[[str], None], width: int) -> str:
    needs("mandoc")
    done = subprocess.run(
        ["mandoc", "-Tascii", f"-Owidth={width}", PAGE],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return re.sub(r".\x08", "", done.stdout)


def test_the_page_has_the_sections_that_people_look_for(needs: Callable[[str], None]) -> None:
    titles = re.findall(r"^[A-Z][A-Z ]+$", shown(needs, 78), re.MULTILINE)
    assert [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "RECORDS AND PARAMETERS",
        "JSON OUTPUT",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "SERVERS OF YOUR OWN",
        "THINKING",
        "TOOLS AND THE SANDBOX",
        "JOURNALS",
        "HOW MUCH ONE PROCESS CARRIES",
        "SHARDS",
        "ONE LIMIT FOR MANY HOSTS",
        "A CLUSTER OF RAY",
        "CRON AND SYSTEMD",
        "SLURM",
        "KUBERNETES",
        "PROGRAMS AND AGENTS",
        "EXAMPLES",
    ] == titles


def test_examples_can_be_copied_from_the_page(needs: Callable[[str], None]) -> None:
    page = shown(needs, 200)
    assert [] == [
        example.line
        for command in (TREE.program, *TREE.commands)
        for example in command.examples
        if example.line not in page
    ]


@dataclass
class NoOptions:
    """The options of a command without any."""


def nothing() -> None:
    """The work of a command that is only described."""


def test_characters_that_roff_interprets_are_escaped() -> None:
    hostile = r""".'\fB \n "^~` -- \(em"""
    command = Command("x", hostile, NoOptions, nothing, examples=(Example(hostile, hostile),))
    page = man_page(Tree(Command("mmpipe", "", NoOptions, nothing), {"x": lambda: command}, {"x": hostile}))
    assert r"\&.\(aq\efB \en \(dq\(ha\(ti\(ga \-\- \e(em" in page


def test_readme_and_page_have_the_same_exit_statuses() -> None:
    rows = re.findall(r"^\| (\d[\d ]*) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    statuses = [(f"{int(status)}", status.label, when) for status, when in EXIT_STATUSES]
    assert [*statuses, (SIGNALS[0], "signal", SIGNALS[1])] == rows
    assert list(ExitStatus) == [status for status, _ in EXIT_STATUSES]


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ("`-F json`", Reply().record(Attempts(), with_thinking=True)),
        ("`--meta`", AnswerStats().meta(0)),
        ("`usage`", usage_json(None)),
        ("`error`", BadResponse("cut").as_json()),
    ],
)
def test_the_page_has_every_field_of_the_json(row: str, fields: Mapping[str, object]) -> None:
    text = dict(JSON_OUTPUT)[row]
    assert set(fields) <= set(re.findall(r"`(\w+)`", text))
