"""A text that can be a key goes to the host without the space around it; any other is refused without being shown."""

import codecs
import os
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from support.harness import Finished, sent_key, service
from support.hidden_key import KEY, WAYS, given, where_it_shows
from support.in_process import run_in_process
from support.tool_conversations import runs

pytestmark = pytest.mark.keys

FRONT, BACK = KEY[:18].encode(), KEY[18:].encode()
WHOLE = FRONT + BACK
SOUND = {
    "BOM": codecs.BOM_UTF8 + WHOLE,
    "line end": WHOLE + b"\n",
    "line end of DOS": WHOLE + b"\r\n",
    "blank lines around": b"\n\n" + WHOLE + b"\n\n",
    "spaces around": b" \t" + WHOLE + b"  \n",
    "no line end": WHOLE,
}
BAD = {
    "space": FRONT + b" " + BACK,
    "tab": FRONT + b"\t" + BACK,
    "carriage return": FRONT + b"\r" + BACK,
    "escape": FRONT + b"\x1b[2J" + BACK,
    "delete": FRONT + b"\x7f" + BACK,
    "letter": FRONT + "\u00fc".encode() + BACK,
    "invisible": FRONT + "\u200b".encode() + BACK,
    "byte": FRONT + b"\xff" + BACK,
    "header": b"Bearer " + WHOLE,
    "quotes": b'"' + WHOLE + b'"',
    "longer than any key": WHOLE * 500,
}
# An environment holds no NUL.
IN_FILES = {
    "NUL": FRONT + b"\0" + BACK,
    "NUL at the end": WHOLE + b"\0",
    "UTF-16 without BOM": KEY.encode("utf-16-le"),
}
# Of what a command prints, the first line is the key.
LINES = {
    "line end": FRONT + b"\n" + BACK,
    "line end of DOS": FRONT + b"\r\n" + BACK,
    "two": WHOLE + b"\nuser: me",
}
EMPTY = (b"", b"\n", b" \t\r\n\n")


def tried(way: str, content: bytes, *, base_url: str) -> list[Finished]:
    """Return the results of `chat` and of `batch`."""
    env, options = given(way, base_url)
    Path("secret/key").write_bytes(content)
    if way == "environment":
        env["MINIMAX_API_KEY"] = os.fsdecode(content)
    return [
        run_in_process("chat", "-n", "-v", "--meta", "meta", *options, "sim:echo x", env=env),
        run_in_process("batch", "-v", "--error-json", *options, env=env, stdin=b"sim:echo x\n"),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_space_around_a_key_is_not_a_part_of_it(way: str) -> None:
    # A file may be of an editor that writes UTF-16 with its mark.
    marked = {"UTF-16": KEY.encode("utf-16")} if way == "--api-key-file" else {}
    for name, content in (SOUND | marked).items():
        with service() as server:
            done = tried(way, content, base_url=server.base_url)
            assert [0, 0] == [one.status for one in done], name
            assert KEY == sent_key(server)
        assert [] == where_it_shows(*done)


@pytest.mark.parametrize("way", WAYS)
def test_an_invalid_key_is_refused_in_a_message_without_the_key(way: str) -> None:
    files = {} if way == "environment" else IN_FILES
    lines = {} if way == "api_key_command" else LINES
    with service() as server:
        for name, content in (BAD | files | lines).items():
            done = tried(way, content, base_url=server.base_url)
            assert [ExitStatus.AUTH] * 2 == [one.status for one in done], name
            assert [] == where_it_shows(*done), name
            assert [True] * 2 == ["key" in one.stderr_text for one in done], name
        assert [] == server.requests


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_key_is_none(way: str) -> None:
    with service() as server:
        for content in EMPTY:
            for done in tried(way, content, base_url=server.base_url):
                assert (ExitStatus.AUTH, b"") == (done.status, done.stdout)
                assert "API key" in done.stderr_text
        assert [] == server.requests


@pytest.mark.parametrize("way", WAYS)
def test_no_tool_gets_the_key_in_another_variable_wherever_the_key_came_from(way: str) -> None:
    with service() as server:
        env, options = given(way, server.base_url)
        tools = [*runs(), "--tool-env", "TOKEN"]
        done = run_in_process("chat", "-n", *tools, *options, "hi", env={**env, "TOKEN": f"token={KEY}"})
        assert (ExitStatus.USAGE, b"", []) == (done.status, done.stdout, server.requests)
        assert "--tool-env TOKEN: no tool gets an API key" in done.stderr_text
        fine = run_in_process("chat", "-n", *tools, *options, "sim:echo x", env={**env, "TOKEN": "other"})
        assert (0, b"x\n") == (fine.status, fine.stdout)
    assert [] == where_it_shows(done, fine)


@pytest.mark.parametrize("path", ["secret", "nowhere", "/dev/null", "/dev/zero", "~nobody-has-this-name/key"])
def test_an_invalid_key_file_is_reported_in_one_line(path: str) -> None:
    with service() as server:
        given("--api-key-file", server.base_url)
        for command in (("chat", "-n", "hi"), ("batch",)):
            done = run_in_process(
                *command, "--base-url", server.base_url, "--api-key-file", path, stdin=b"hi\n"
            )
            assert (ExitStatus.AUTH, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
        assert [] == server.requests


def test_a_key_command_that_prints_without_end_is_ended() -> None:
    with service() as server:
        env, _ = given("api_key_command", server.base_url)
        Path("ask").write_text("#!/bin/sh\nexec cat /dev/zero\n")
        done = run_in_process("chat", "-n", "hi", env=env)
        assert (ExitStatus.AUTH, b"", []) == (done.status, done.stdout, server.requests)
    assert "prints more than" in done.stderr_text
