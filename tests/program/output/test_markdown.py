"""`--markdown` renders on a terminal, and changes nothing off it."""

import re
from pathlib import Path

import pytest

from support.harness import mmpipe, service
from support.terminals import on_terminal

pytestmark = [pytest.mark.outputs, pytest.mark.slow]

ANSWER = "# Title\n\nSome **bold** text and `code`.\n\n```python\nx = 1\n```\n\n- one\n- two\n"
PLAIN = "Title\n\nSome bold text and code.\n\n─── python\nx = 1\n───\n\n• one\n• two\n"


def shown(written: bytes) -> str:
    """Return the text before the terminal made CR LF of each line end."""
    return written.decode().replace("\r\n", "\n")


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_terminal_gets_rendered_text_by_option_or_configuration(command: str, tmp_path: Path) -> None:
    (tmp_path / "mmpipe").mkdir()
    (tmp_path / "mmpipe" / "config.toml").write_text("[profile.a]\nmarkdown = true\n")
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    with service() as server:
        typed = on_terminal(command, "-n", "--markdown", f"sim:echo {ANSWER}", server=server)
        by_profile = on_terminal(
            command, "-n", "--profile", "a", f"sim:echo {ANSWER}", server=server, env=home
        )
        switched_off = on_terminal(
            command, "-n", "--profile", "a", "--no-markdown", f"sim:echo {ANSWER}", server=server, env=home
        )
    assert (0, PLAIN) == (typed.status, without_styles(shown(typed.stdout)))
    assert "\x1b[1m" in shown(typed.stdout)
    assert typed.stdout == by_profile.stdout
    assert ANSWER == shown(switched_off.stdout)


def test_off_a_terminal_and_in_other_formats_nothing_changes(tmp_path: Path) -> None:
    with service() as server:
        for options in ((), ("-t", "show"), ("-F", "jsonl")):
            prompt = f"sim:think *a*|||{ANSWER}"
            # An answer has an id of its own.
            plain, rendered = (
                re.sub(
                    rb'"id":"[^"]*"',
                    b"",
                    mmpipe("stream", "-n", *options, *more, prompt, server=server).stdout,
                )
                for more in ((), ("--markdown",))
            )
            assert plain == rendered
        file = tmp_path / "a"
        done = on_terminal("chat", "-n", "--markdown", "-o", str(file), f"sim:echo {ANSWER}", server=server)
        json = on_terminal("chat", "-n", "--markdown", "-F", "json", f"sim:echo {ANSWER}", server=server)
        dumb = on_terminal(
            "chat", "-n", "--markdown", f"sim:echo {ANSWER}", server=server, env={"TERM": "dumb"}
        )
    assert (0, b"", ANSWER) == (done.status, done.stdout, file.read_text())
    assert '"content":"# Title' in shown(json.stdout)
    assert ANSWER == shown(dumb.stdout)


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_thinking_before_the_answer_is_not_rendered(env: dict[str, str]) -> None:
    with service() as server:
        done = on_terminal(
            "stream", "-n", "--markdown", "-t", "show", "sim:think **a**|||- *b*", server=server, env=env
        )
    text = shown(done.stdout)
    assert "**a**" in without_styles(text)
    assert without_styles(text).endswith("• *b*\n" if env else "• b\n")
    assert ("<think>\n**a**\n</think>\n" in text) is bool(env)
    assert ("\x1b" in text) is not bool(env)
