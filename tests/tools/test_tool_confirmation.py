"""A tool runs only after a yes, typed on the terminal after the question."""

import fcntl
import os
import select
import signal
import struct
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

from mmpipe.text.cells import name_invisible
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
MARGIN = "  | "


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
    arguments: str = '{"path":"x"}',
    *,
    seconds: float = 60.0,
    wait: bool = False,
    stdin: bytes = b"",
    columns: int = 40,
) -> Iterator[Asked]:
    """Ask on a new terminal; with `wait`, only when the test says so."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
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


def parts(question: str) -> tuple[list[str], list[str], list[str]]:
    """Return the lines of the command and of the arguments without their margin, and what follows them."""
    first, *lines = question.split("\n")
    assert "mmpipe: the model asks to run" == first
    head = lines.index("with these arguments:")
    end = next(place for place in range(head + 1, len(lines)) if not lines[place].startswith(MARGIN))
    assert all(line.startswith(MARGIN) for line in lines[:head])
    bare = [line.removeprefix(MARGIN) for line in lines]
    return bare[:head], bare[head + 1 : end], lines[end:]


@given(st.text(max_size=300), st.text(max_size=20), st.integers(1, 200))
def test_no_text_of_a_model_passes_for_a_line_of_ours(arguments: str, word: str, columns: int) -> None:
    question = format_question("t", (word,), arguments, columns)
    command, shown, rest = parts(question)
    repeated = ["for the command", *(MARGIN + line for line in command)] if len(shown) > 10 else []
    assert [*repeated, "run it? [y/N] "] == rest
    assert all(line.isprintable() for line in question.split("\n"))


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=4096), st.integers(20, 200))
def test_all_of_the_arguments_are_shown(arguments: str, columns: int) -> None:
    _, shown, _ = parts(format_question("t", ("true",), arguments, columns))
    assert all(cells(MARGIN + line) < columns for line in shown)
    assert name_invisible(arguments) == "".join(shown)


def cells(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WFA" else 1 for character in line)


def test_arguments_that_are_too_long_to_be_shown_are_reported_and_the_command_is_repeated() -> None:
    command, shown, rest = parts(format_question("t", ("rm", "-r", "a b"), "x" * 5000, 80))
    assert "x" * 4096 == "".join(shown)
    assert "and 904 more characters, WHICH ARE NOT SHOWN" == rest[0]
    assert ["t: rm -r 'a b'"] == command
    assert ["for the command", f"{MARGIN}t: rm -r 'a b'", "run it? [y/N] "] == rest[1:]


def test_the_command_is_repeated_after_more_than_ten_lines_and_not_before() -> None:
    width = 80 - len(MARGIN) - 1
    for lines, is_repeated in ((10, False), (11, True)):
        _, shown, rest = parts(format_question("t", ("true",), "x" * (width * lines), 80))
        assert (lines, is_repeated) == (len(shown), "for the command" in rest)


@pytest.mark.parametrize("columns", [20, 33, 80, 200])
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "\u6f22",
        "\u00b1",
        "\u2764\ufe0f",
        "e\u0301",
        "e" + "\u0301" * 99,
        "\U0001f1f3",
        "\u200b",
        "a \u2800",
        "\u0bcd",
    ],
    ids=ascii,
)
def test_on_a_terminal_of_any_width_no_line_is_wrapped_by_it(text: str, columns: int) -> None:
    """A screen counts each character with the most cells that terminals take, and its lines with what it wraps."""
    arguments = text * (1000 // len(text))
    with asked(arguments, columns=columns) as user:
        seen = user.until(PROMPT)
        user.type(b"n\n")
        assert NO == user.status()
    lines = seen.split("\r\n")
    ours = ("mmpipe: the model asks to run", "with these arguments:", "for the command", "run it? [y/N] ")
    foreign = [line for line in lines if line not in ours]
    assert all(line.startswith(MARGIN) and cells(line) < columns for line in foreign)
    assert name_invisible(arguments) in "".join(line.removeprefix(MARGIN) for line in foreign)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u200b", "<U+200B>"),
        ("\u00ad", "<U+00AD>"),
        ("\ufeff", "<U+FEFF>"),
        ("\u3164", "<U+3164>"),
        ("\u115f\u1160\uffa0", "<U+115F><U+1160><U+FFA0>"),
        ("\u034f", "<U+034F>"),
        ("\ufe0f\U000e0100", "<U+FE0F><U+E0100>"),
        ("\u2800", "<U+2800>"),
        ("\u00a0\u3000\u2009", "<U+00A0><U+3000><U+2009>"),
        ("\u202e\u2066\u061c", "<U+202E><U+2066><U+061C>"),
        ("\U000e0041", "<U+E0041>"),
        ("\ue000\U0010ffff\u0378", "<U+E000><U+10FFFF><U+0378>"),
        ("\ud800", "<U+D800>"),
        ("\x1b\x00\x7f\x9b", "\u241b\u2400\u2421<U+009B>"),
        ("a\nb\tc\rd", "a\u240ab\u2409c\u240dd"),
        ("e\u0301\u0302\u0303\u0304x\u0301", "e\u0301\u0302<U+0303><U+0304>x\u0301"),
        ("\u0301", "<U+0301>"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("a b", "a b"),
    ],
)
def test_every_invisible_character_is_named_and_every_other_one_stays(text: str, shown: str) -> None:
    assert shown == name_invisible(text)
