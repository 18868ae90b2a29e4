"""`--markdown` renders on a terminal, and changes nothing off it."""

import re
import signal
import socket
from pathlib import Path

import pytest

from support.harness import LIMIT, MMPIPE, eventually, mmpipe, service, started
from support.scripted_answers import chunk
from support.socket_server import server as socket_server
from support.terminals import Terminal, on_terminal

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


def test_an_interrupt_leaves_what_came_of_the_open_block_in_place_of_the_echo() -> None:
    def reply(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        # The second block came with the first, and is open.
        connection.sendall(head + chunk("one\n\n| two | *three* |\n|---|---|\n| fo"))
        connection.recv(1)

    with (
        socket_server(reply) as (base_url, _),
        Terminal() as screen,
        started(
            (*MMPIPE, "stream", "-n", "--base-url", base_url, "--markdown", "-t", "hide", "hi"),
            stdout=screen.slave,
            env={"TERM": "xterm-256color", "NO_COLOR": "1"},
        ) as run,
    ):
        eventually(lambda: "one" in screen.text, "the first block")
        run.send_signal(signal.SIGINT)
        assert -signal.SIGINT == run.wait(LIMIT)
        text = shown(screen.seen())
    assert "one\n\n\r\x1b[Ktwo │ *three*\n────┼────────\nfo\n" == text
