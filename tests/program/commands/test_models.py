"""`mmpipe models` as it is typed: lines for a script whatever its environment says, a table for a person."""

import re

import pytest

from mmpipe.core.catalogue import load_models
from support.harness import mmpipe, service, shell
from support.terminals import on_terminal

NAMES = [model.id for model in load_models()]
SCRIPT = {"COLUMNS": "20", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"}


def test_the_first_field_of_the_first_line_is_a_model() -> None:
    done = shell("mmpipe models | cut -f1 | head -1")
    assert (0, f"{NAMES[0]}\n", b"") == (done.status, done.stdout.decode(), done.stderr)


@pytest.mark.parametrize(
    "env", [{}, SCRIPT, {"NO_COLOR": "1", "TERM": "dumb"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}]
)
def test_a_script_gets_the_same_lines_everywhere(env: dict[str, str]) -> None:
    done = mmpipe("models", env=env)
    assert (0, b"") == (done.status, done.stderr)
    assert NAMES == [line.split("\t")[0] for line in done.stdout.decode().splitlines()]
    assert b"\x1b" not in done.stdout
    assert not re.search("[─│┃━|]", done.stdout.decode())


def test_a_person_gets_a_table_as_wide_as_the_terminal() -> None:
    done = on_terminal("models", env={"COLUMNS": "80"})
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert b"\x1b[1m" in done.stdout
    assert "\t" not in text
    # Two lines of headings, and one that explains the marks.
    assert 3 + len(NAMES) == len(text.splitlines())
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("columns", ["20", "40", "0", "many"])
def test_a_terminal_without_abilities_gets_a_table_too(columns: str) -> None:
    done = on_terminal("models", env={"COLUMNS": columns, "TERM": "dumb"})
    width = int(columns) if columns in ("20", "40") else 80
    lines = done.stdout.decode().splitlines()
    assert len(NAMES) < len(lines)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "dumb", "FORCE_COLOR": "1"}])
def test_a_person_who_wants_no_colour_gets_none(env: dict[str, str]) -> None:
    done = on_terminal("models", env={"COLUMNS": "80", **env})
    assert (0, False) == (done.status, b"\x1b" in done.stdout)


@pytest.mark.parametrize("columns", ["20", "80"])
def test_help_has_every_option_for_everybody_and_colour_on_a_terminal_alone(columns: str) -> None:
    piped = mmpipe("chat", "--help", env={**SCRIPT, "COLUMNS": columns})
    watched = on_terminal("chat", "--help", env={"COLUMNS": columns})
    options = [set(re.findall(rb"--[a-z-]+", done.stdout)) for done in (piped, watched)]
    assert options[0] == options[1]
    assert (False, True) == (b"\x1b" in piped.stdout, b"\x1b" in watched.stdout)


def test_live_marks_what_the_host_serves() -> None:
    with service() as server:
        done = mmpipe("models", "--live", "--header", server=server)
        rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
        place = rows[0].index("live")
        assert (0, b"", {"served"}) == (done.status, done.stderr, {row[place] for row in rows[1:]})


@pytest.mark.parametrize(("fault", "status"), [("401", 3), ("1002", 4), ("html", 8), ("500", 7)])
def test_live_ends_with_the_status_of_what_went_wrong(fault: str, status: int) -> None:
    with service(fault) as server:
        done = mmpipe("models", "--live", "--retries", "0", server=server)
    assert (status, b"", 1) == (done.status, done.stdout, len(done.stderr.splitlines()))


def test_live_without_a_key_says_what_is_missing() -> None:
    done = mmpipe("models", "--live")
    assert (3, b"") == (done.status, done.stdout)
    assert "MINIMAX_API_KEY" in done.stderr_text


def test_a_typing_error_gets_a_suggestion() -> None:
    for typed, meant in [
        (["models", "MiniMax-M31"], "MiniMax-M3"),
        (["models", "m2.7-hig"], "MiniMax-M2.7-highspeed"),
        (["sim", "--dialect", "cumulatif"], "cumulative"),
        (["sim", "--fail", "htlm"], "html"),
    ]:
        done = mmpipe(*typed)
        assert re.search(f"[Dd]id you mean '?{re.escape(meant)}'?\\?", done.stderr_text), done.stderr_text
        assert 1 == len(done.stderr_text.splitlines())
