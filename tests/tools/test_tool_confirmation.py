"""A tool runs only after a yes, typed on the terminal after the question."""

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.tools.confirmation import format_question

pytestmark = pytest.mark.tools

# Reads what was typed ahead into the terminal's queue before it asks, says when, and tells the answer by its status.
ASK = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
os.write(1, b"ready\\n")
sys.stdin.buffer.readline() if sys.argv[2] == "wait" else None
from mmpipe.tools.confirmation import ask_user
arguments = sys.argv[4]
sys.exit(10 + ask_user("wipe", ("rm", "-r", "a b"), arguments, float(sys.argv[3])))
"""
YES, NO = 11, 10
PROMPT = b"[y/N] "


@dataclass
class Asked:
    """Process that asks, with a user who types and reads on its terminal."""

    process: "subprocess.Popen[bytes]"
    keyboard: int
    seen: bytes = b""

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def hang_up(self) -> None:
        os.close(self.keyboard)
        self.keyboard = -1

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def until(self, words: bytes) -> str:
        deadline = time.monotonic() + 120
        while words not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} never came, only {self.seen!r}"
            if select.select([self.keyboard], [], [], left)[0]:
                self.seen += os.read(self.keyboard, 65536)
        return self.seen.decode()

    def status(self) -> int:
        return self.process.wait(120)


@contextmanager
def asked(
    arguments: str = '{"path":"x"}', *, seconds: float = 60.0, wait: bool = False, stdin: bytes = b""
) -> Iterator[Asked]:
    """Ask on a new terminal; with `wait`, only when the test says so."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\x00\x28\x00\x00\x00\x00\x00")
    process = subprocess.Popen(
        [sys.executable, "-c", ASK, os.ttyname(slave), "wait" if wait else "go", str(seconds), arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    user = Asked(process, master)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(stdin)
        process.stdin.flush()
        assert b"ready\n" == process.stdout.readline()
        yield user
    finally:
        process.kill()
        process.communicate()
        os.close(slave)
        if user.keyboard >= 0:
            user.hang_up()


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        *((word, YES) for word in (b"y\n", b"Y\n", b"yes\n", b" YES \n")),
        *((word, NO) for word in (b"n\n", b"\n", b"\x04", b"yeah\n", b"y y\n", b"no\ny\n", b"\xff\n")),
    ],
)
def test_only_yes_is_yes(typed: bytes, status: int) -> None:
    with asked() as user:
        user.until(PROMPT)
        user.type(typed)
        assert status == user.status()


@pytest.mark.parametrize("ahead", [b"y\n", b"yes", b"y\ny\ny\n"])
def test_input_typed_before_the_question_is_not_an_answer(ahead: bytes) -> None:
    with asked(wait=True) as user:
        user.type(ahead)
        user.until(ahead.replace(b"\n", b"\r\n"))
        user.go_on()
        user.until(PROMPT)
        user.type(b"\n")
        assert NO == user.status()


def test_standard_input_answers_nothing() -> None:
    with asked(stdin=b"y\n" * 1000) as user:
        user.until(PROMPT)
        user.type(b"n\n")
        assert NO == user.status()


def test_no_answer_in_time_is_a_no() -> None:
    with asked(seconds=0.3) as user:
        user.until(PROMPT)
        user.type(b"y")
        assert NO == user.status()
        assert "no answer" in user.until(b"as no")


def test_an_interrupt_at_the_question_ends_the_program() -> None:
    with asked() as user:
        user.until(PROMPT)
        user.type(b"\x03")
        assert -signal.SIGINT == user.status()


def test_a_terminal_that_hangs_up_is_a_no() -> None:
    with asked() as user:
        user.until(PROMPT)
        user.hang_up()
        assert NO == user.status()


def test_without_a_terminal_no_question_is_possible() -> None:
    code = (
        "import os; os.setsid()\nfrom mmpipe.tools.confirmation import ask_user\n"
        "from mmpipe.errors import ToolError\n"
        "try: ask_user('t', ('true',), '{}', 1.0)\nexcept ToolError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"y\n", capture_output=True, check=True, timeout=300
    )
    assert done.stdout.startswith(b"--confirm needs a terminal")


def test_the_question_shows_the_command_and_the_arguments_and_no_control_reaches_the_terminal() -> None:
    with asked('{"path":"\x1b[2J\u202e\n\n"}') as user:
        shown = user.until(PROMPT)
        user.type(b"n\n")
        user.status()
    assert "wipe: rm -r 'a b'" in shown
    assert "\u241b[2J<U+202E>\u240a\u240a" in shown
    assert "\x1b" not in shown


@given(st.text(max_size=300), st.text(max_size=20), st.integers(10, 200))
def test_no_text_of_a_model_passes_for_a_line_of_ours(arguments: str, word: str, columns: int) -> None:
    first, head, *middle, last = format_question("t", (word,), arguments, columns).split("\n")
    assert ("with these arguments:", "run it? [y/N] ") == (head, last)
    assert all(line.startswith("  | ") for line in middle)
    assert "".join([first, *middle]).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=4096), st.integers(10, 200))
def test_all_of_the_arguments_are_shown(arguments: str, columns: int) -> None:
    middle = format_question("t", ("true",), arguments, columns).split("\n")[2:-1]
    assert all(cells(line) <= columns for line in middle)
    assert arguments == "".join(line.removeprefix("  | ") for line in middle)


def cells(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


def test_arguments_that_are_too_long_to_be_shown_are_reported() -> None:
    text = format_question("t", ("true",), "x" * 5000, 80)
    assert 4096 == len(re.findall("x", text.split("\n", 2)[2].split("and 904")[0]))
    assert "and 904 more characters, WHICH ARE NOT SHOWN" in text
