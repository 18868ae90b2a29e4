"""A plain line is read without Typer, to the same options; a line that is not plain is left to Typer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mmpipe.command_line import command_line
from mmpipe.commands.plain_line import read_plain_line
from mmpipe.commands.program import Program
from mmpipe.commands.tree import TREE
from mmpipe.unix.streams import Streams

NAMES = sorted(set(TREE.loaders) - {"sim"})
# What an option may be followed by, or a user may type by mistake.
WORDS = [
    "",
    "-",
    "--",
    "---",
    "-5",
    "- 5",
    "a",
    "a b",
    "é",
    "1",
    "1.5",
    "2h",
    "x=1",
    "-=",
    "--=",
    "-x",
    "--no-such",
    "json",
]


def read(name: str, words: list[str]) -> tuple[bool, list[object]]:
    """The options that the plain reading gives, if there is one, and those of Typer, if it finds no mistake."""
    seen: list[object] = []
    command = replace(TREE.named(name), run=lambda _, options: seen.append(options))
    tree = replace(TREE, loaders={name: lambda: command})
    program = Program(Streams.fake(), {}, tree, (name, *words))
    run = read_plain_line(program)
    if run is not None:
        run()
    CliRunner().invoke(command_line(tree), program.arguments, obj=program)
    return run is not None, seen


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A command and words of its line: options in all spellings, with values that fit or not, and other words."""
    name = draw(st.sampled_from(NAMES))
    options = TREE.named(name).options
    words: list[str] = []
    for _ in range(draw(st.integers(0, 5))):
        option = draw(st.sampled_from(options))
        spelled = draw(st.sampled_from(option.names))
        value = draw(st.sampled_from([*option.choices, *WORDS]))
        kinds = [
            [spelled],
            [spelled, value],
            [f"{spelled}={value}"],
            [f"{spelled}{value}"],
            [value],
            [spelled[:-1]],
        ]
        words += draw(st.sampled_from(kinds))
    return name, words


@given(lines())
def test_what_is_read_plainly_is_what_typer_reads(line: tuple[str, list[str]]) -> None:
    is_plain, seen = read(*line)
    if is_plain:
        plainly, by_typer = seen
        assert plainly == by_typer


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("models", []),
        ("models", ["--json", "MiniMax-M3"]),
        ("chat", []),
        ("chat", ["-n", "Why is the sky blue?"]),
        ("chat", ["Why", "is", "-", "--json", "blue?", "-m", "M", "--max-tokens=5", "-f", "a", "-f", "b"]),
        ("chat", ["-n", "--", "-5 degrees", "--json"]),
        ("stream", ["-t", "show", "-s", "-5 degrees"]),
        ("batch", ["in.jsonl", "-o", "out.jsonl", "-j", "8", "--template", "-{}", "--resume"]),
        ("completion", ["bash"]),
    ],
)
def test_the_lines_of_every_day_are_plain(name: str, words: list[str]) -> None:
    is_plain, (plainly, by_typer) = read(name, words)
    assert is_plain
    assert plainly == by_typer


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["no-such-command"],
        ["chat", "--help"],
        ["chat", "-n", "--version"],
        ["chat", "--no-such"],
        ["chat", "-nq"],
        ["chat", "-m"],
        ["chat", "-mM"],
        ["chat", "--json=yes"],
        ["chat", "--max-tokens", "many"],
        ["chat", "-s", "a", "-s", "b"],
        ["chat", "--json", "-F", "text"],
        ["models", "a", "b"],
        ["sim", "--", "mmpipe", "chat"],
    ],
)
def test_a_mistake_a_page_and_a_line_within_a_line_are_left_to_typer(line: list[str]) -> None:
    assert read_plain_line(Program(Streams.fake(), {}, TREE, line)) is None
