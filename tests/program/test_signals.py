"""A signal ends mmpipe at once, by that signal, with everything cleaned up; a cut pipe ends it in silence."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from program.harness import AT_ONCE, LIMIT, MMPIPE, finished, parsed, read_until, service, shell, started

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_while_the_service_is_silent_ends_mmpipe_by_it_and_cleans_up(
    here: Path, number: signal.Signals
) -> None:
    (here / "folder").mkdir()
    (here / "folder/answer").write_text("old")
    command = (*MMPIPE, "chat", "-n", "-v", "-o", "folder/answer", "--meta", "meta", "hi")
    with service("hang") as far, started(command, far) as process:
        read_until(process.stderr, b"request sent")
        began = time.monotonic()
        process.send_signal(number)
        done = finished(process)
        assert time.monotonic() - began < AT_ONCE
    assert (-number, b"", b"") == (done.status, done.stdout, done.stderr)
    assert (["answer"], "old") == (
        [entry.name for entry in (here / "folder").iterdir()],
        (here / "folder/answer").read_text(),
    )
    assert parsed((here / "meta").read_bytes())["exit_status"] == 128 + number


def test_an_interrupt_in_the_middle_of_an_answer_leaves_what_came_and_says_nothing() -> None:
    with service("hang-mid") as far, started((*MMPIPE, "stream", "-n", "sim:chunks 40"), far) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        done = finished(process)
    assert (-signal.SIGINT, b"", b"1") == (done.status, done.stderr, first)
    assert " ".join(map(str, range(1, 41))).encode().startswith(first + done.stdout)


def test_a_signal_while_waiting_for_standard_input_ends_mmpipe() -> None:
    with started(
        (*MMPIPE, "chat", "-v", "a prompt"), stdin=subprocess.PIPE, env={"MINIMAX_API_KEY": "k"}
    ) as process:
        read_until(process.stderr, b"waiting for standard input")
        process.send_signal(signal.SIGINT)
        assert (-signal.SIGINT, b"") == (
            process.wait(LIMIT),
            process.stderr.read() if process.stderr else b"",
        )


def test_a_signal_while_waiting_to_ask_again_ends_mmpipe() -> None:
    with service("retry-after=30") as far, started((*MMPIPE, "chat", "-n", "-v", "hi"), far) as process:
        read_until(process.stderr, b"asking again in 30")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == finished(process).status
        assert time.monotonic() - began < AT_ONCE


def test_a_loop_of_the_shell_is_ended_by_one_interrupt(needs: Callable[[str], None]) -> None:
    needs("bash")
    script = 'for i in 1 2 3; do mmpipe chat -n -v "turn $i"; echo "after $i"; done'
    with service("hang") as far, started(("bash", "-c", script), far) as process:
        read_until(process.stderr, b"request sent")
        os.killpg(process.pid, signal.SIGINT)
        done = finished(process)
        assert (-signal.SIGINT, b"", 1) == (done.status, done.stdout, len(far.requests))


def test_an_interrupt_that_the_parent_ignores_is_ignored() -> None:
    script = "trap '' INT HUP; exec mmpipe stream -n 'sim:chunks 20'"
    with service(tps=40) as far, started(("sh", "-c", script), far) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        done = finished(process)
    assert (0, b"") == (done.status, done.stderr)
    assert " ".join(map(str, range(1, 21))) + "\n" == (first + done.stdout).decode()


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_head_has_its_line_and_mmpipe_dies_of_the_cut_pipe_in_silence(
    needs: Callable[[str], None], command: str
) -> None:
    needs("bash")
    Path("prompt").write_text("sim:echo one\n" + "more\n" * 40_000)
    with service() as far:
        done = shell(f"mmpipe {command} < prompt | head -1; echo ${{PIPESTATUS[0]}}", far, program="bash")
    assert (b"one\n141\n", b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize("tps", [20, 500], ids=["slowly", "fast"])
def test_nobody_pays_for_thinking_whose_reader_has_gone(needs: Callable[[str], None], tps: float) -> None:
    needs("bash")
    thoughts = "thought " * int(6 * tps)  # two tokens each: for twelve seconds
    script = "mmpipe stream < prompt | sleep 2; echo ${PIPESTATUS[0]}"
    Path("prompt").write_text(f"sim:think {thoughts}|||too late")
    began = time.monotonic()
    with service(tps=tps) as far:
        done = shell(script, far, program="bash")
        assert (b"141\n", b"") == (done.stdout, done.stderr)
        assert time.monotonic() - began < AT_ONCE + 4
        # A slow machine may not even have asked by then.
        assert not any(request["answered"] for request in far.requests)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("chat", "--help"), ("--version",), ("chat", "-n", "sim:echo x")]
)
def test_a_pipe_that_nobody_reads_ends_mmpipe_by_sigpipe_and_without_a_word(
    arguments: tuple[str, ...],
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with service() as far, started((*MMPIPE, *arguments), far, stdout=writer) as process:
        os.close(writer)
        done = finished(process)
    assert (-signal.SIGPIPE, b"") == (done.status, done.stderr)


def test_a_cut_pipe_is_told_in_the_line_about_the_answer() -> None:
    with service() as far:
        shell("mmpipe chat -n --meta meta 'sim:length 300000' | true", far)
    assert parsed(Path("meta").read_bytes())["exit_status"] == 141
