"""A signal ends mmpipe at once, by that signal, with everything cleaned up, whatever it is about."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.harness import (
    AT_ONCE,
    LIMIT,
    MMPIPE,
    eventually,
    finished,
    parsed,
    read_until,
    run,
    service,
    started,
)
from support.run_stages import OLD, STAGES, TO_FILE, gone, old_answer
from support.terminals import rest_of

pytestmark = pytest.mark.processes

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
# What is loaded at different times, by a command that needs it.
LOADED = {
    "mmpipe.errors": ("--version",),
    # Two options in one word.
    "typer": ("chat", "-nq", *TO_FILE, "hi"),
    "mmpipe.chat.answer": ("stream", "-n", *TO_FILE, "hi"),
    "openai": ("chat", "-n", *TO_FILE, "hi"),
    "ssl": ("stream", "-n", *TO_FILE, "hi"),
    "mmpipe.api.pool": ("batch", "-q", "in.txt"),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("number", ENDING)
def test_at_each_stage_a_signal_ends_mmpipe_by_it_and_all_is_cleaned_up(
    stage: str, number: signal.Signals
) -> None:
    folder = old_answer()
    with STAGES[stage]() as run:
        began = time.monotonic()
        run.send_signal(number)
        done = finished(run)
        assert time.monotonic() - began < AT_ONCE
    assert (-number, b"") == (done.status, done.stderr)
    assert [("answer", OLD)] == [(path.name, path.read_text()) for path in folder.iterdir()]
    if Path("meta").exists():
        assert 128 + number == parsed(Path("meta").read_bytes())["exit_status"]
    if Path("pid").exists():
        eventually(lambda: gone("pid"), "what it had started ends")


@pytest.mark.parametrize(
    "stage", ["waits_for_the_first_byte", "is_in_the_midst_of_the_answer", "runs_a_tool"]
)
@pytest.mark.parametrize(
    "two", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP), (signal.SIGINT, signal.SIGINT)]
)
def test_two_signals_at_once_are_one_and_end_it_without_a_word(
    stage: str, two: tuple[signal.Signals, signal.Signals]
) -> None:
    folder = old_answer()
    with STAGES[stage]() as run:
        for number in two:
            run.send_signal(number)
        done = finished(run)
    assert done.status in [-number for number in two]
    assert b"" == done.stderr
    assert [("answer", OLD)] == [(path.name, path.read_text()) for path in folder.iterdir()]


def test_a_signal_when_the_key_command_begins_ends_that_too() -> None:
    config = Path(".config/mmpipe/config.toml")
    config.parent.mkdir(parents=True)
    config.write_text('api_key_command = ["sleep", "40.5"]\n')
    for _ in range(20):
        with started((*MMPIPE, "chat", "-n", "words")) as run:
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
            while not (child := children.read_text()):
                pass
            run.send_signal(signal.SIGHUP)
            assert -signal.SIGHUP == finished(run).status
        Path("pid").write_text(child)
        eventually(lambda: gone("pid"), "the command has ended")


def files_of(module: str) -> list[str]:
    """Return the place at which a child process finds the module."""
    script = f"from importlib.util import find_spec as f; m = f({module!r}); print(m.origin, m.cached)"
    return run((sys.executable, "-c", script)).stdout.decode().split()


@pytest.mark.parametrize("module", LOADED)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_loads_its_own_parts_ends_it_too(
    needs: Callable[[str], None], module: str, number: signal.Signals
) -> None:
    """Wait until Python has run the first line of mmpipe."""
    needs("strace")
    folder = old_answer()
    places = [part for file in files_of(module) for part in ("-P", file)]
    trace = ("-f", "-o", "trace", *places, "-e", f"inject=openat:signal={number.name}:when=1")
    Path("in.txt").write_text("sim:echo x\n")
    with service() as server:
        done = run(("strace", *trace, *MMPIPE, *LOADED[module]), server)
    assert number.name in Path("trace").read_text()
    assert (-number, b"", b"") == (done.status, done.stdout, done.stderr)
    assert [("answer", OLD)] == [(path.name, path.read_text()) for path in folder.iterdir()]


def test_an_interrupt_in_the_middle_of_an_answer_leaves_what_came_and_says_nothing() -> None:
    with (
        service("hang-mid") as server,
        started((*MMPIPE, "stream", "-n", "sim:chunks 40"), server) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        done = finished(process)
    assert (-signal.SIGINT, b"", b"1") == (done.status, done.stderr, first)
    assert " ".join(map(str, range(1, 41))).encode().startswith(first + done.stdout)


def test_a_loop_of_the_shell_is_ended_by_one_interrupt(needs: Callable[[str], None]) -> None:
    needs("bash")
    script = 'for i in 1 2 3; do mmpipe chat -n -v "turn $i"; echo "after $i"; done'
    with service("hang") as server, started(("bash", "-c", script), server) as process:
        read_until(process.stderr, b"request sent")
        os.killpg(process.pid, signal.SIGINT)
        done = finished(process)
        assert (-signal.SIGINT, b"", 1) == (done.status, done.stdout, len(server.requests))


def test_an_interrupt_that_the_parent_ignores_is_ignored() -> None:
    script = "trap '' INT HUP; exec mmpipe stream -n 'sim:chunks 20'"
    with service(tps=40) as server, started(("sh", "-c", script), server) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        done = finished(process)
    assert (0, b"") == (done.status, done.stderr)
    assert " ".join(map(str, range(1, 21))) + "\n" == (first + done.stdout).decode()


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(
    ("arguments", "drawn"),
    [(("chat", "-n", "hi"), b" s"), (("batch", "--grace", "0.1", "in.txt"), b"0/1")],
    ids=["spinner", "bar"],
)
def test_a_terminal_is_left_as_it_was_with_a_clean_line(
    arguments: tuple[str, ...], drawn: bytes, number: signal.Signals
) -> None:
    Path("in.txt").write_text("hi\n")
    keyboard, screen = os.openpty()
    before = termios.tcgetattr(screen)
    with (
        service("hang") as server,
        started(
            (*MMPIPE, *arguments), server, stdin=screen, stderr=screen, env={"TERM": "xterm-256color"}
        ) as run,
    ):
        seen = b""
        while drawn not in seen:
            seen += os.read(keyboard, 65536)
        run.send_signal(number)
        assert -number == run.wait(LIMIT)
    assert before == termios.tcgetattr(screen)
    os.close(screen)
    # Progress is always drawn at the beginning of a line, and cleared before any other output.
    rest = seen + rest_of(keyboard)
    os.close(keyboard)
    assert b"" == rest.rpartition(b"\x1b[K")[2].rpartition(b"\n")[2]
    assert b"\x1b[?25l" not in rest


def test_a_later_signal_ends_at_once_what_cannot_clean_up() -> None:
    """Ctrl-S holds up the terminal, and so whoever wants to take the spinner off it."""
    keyboard, screen = os.openpty()
    there = {"stdin": screen, "stderr": screen}
    with (
        service("hang") as server,
        started((*MMPIPE, "chat", "-n", "hi"), server, **there, env={"TERM": "xterm-256color"}) as run,
    ):
        seen = b""
        while b" s" not in seen:
            seen += os.read(keyboard, 65536)
        termios.tcflow(screen, termios.TCOOFF)
        run.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(1)
        run.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == run.wait(AT_ONCE)
    os.close(screen)
    os.close(keyboard)
