"""Readers of standard output may be slow, may stop reading, and may leave."""

import os
import select
import signal
import socket
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmpipe.simulator.prose import of_length
from support.fault_cases import LAST, MEGABYTE, PIECE, event, head
from support.fault_server import FaultServer, Script, fault_server
from support.harness import (
    AT_ONCE,
    LIMIT,
    MMPIPE,
    Process,
    eventually,
    finished,
    parsed,
    service,
    shell,
    started,
)
from support.terminals import rest_of

pytestmark = pytest.mark.outputs

LONG = 300_000  # characters; more than a pipe, a socket or a terminal holds
LARGE = 30 * MEGABYTE
# Takes the place of a parent that ignores the signal, as Python and some schedulers do.
IGNORING = """
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def sockets() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def terminal() -> tuple[int, int]:
    """Its server, and what a program has of it; bytes pass as they are."""
    keyboard, screen = os.openpty()
    tty.setraw(screen)
    return keyboard, screen


WAYS: dict[str, Callable[[], tuple[int, int]]] = {"pipe": os.pipe, "socket": sockets, "terminal": terminal}


def is_full(writing: int) -> bool:
    return not select.select([], [writing], [], 0)[1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", ["chat", "stream", "batch"])
def test_a_way_out_that_does_not_block_gets_every_byte_of_a_long_answer(command: str, way: str) -> None:
    reading, writing = WAYS[way]()
    os.set_blocking(writing, False)
    arguments = (
        ("batch", "-q", "-F", "jsonl", "in.txt")
        if command == "batch"
        else (command, "-n", f"sim:length {LONG}")
    )
    Path("in.txt").write_text(f"sim:length {LONG}\n")
    with service() as server, started((*MMPIPE, *arguments), server, stdout=writing) as process:
        eventually(lambda: select.select([reading], [], [], 0)[0], "a beginning")
        os.close(writing)
        read = rest_of(reading)
        assert (0, b"") == (process.wait(LIMIT), process.stderr.read() if process.stderr else b"")
    os.close(reading)
    assert of_length(LONG) == (parsed(read)["content"] if command == "batch" else read.decode()[:-1])


def memory(process: Process) -> int:
    """The most that it ever held."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def standing_still(server: FaultServer, *arguments: str) -> Iterator[tuple[Process, int]]:
    """A run whose reader stands still, once it takes no more of the service either; and where to read."""
    reading, writing = os.pipe()
    with started((*MMPIPE, *arguments), stdout=writing, env=server.env) as process:
        eventually(lambda: is_full(writing), "a full pipe")
        os.close(writing)
        before = [0, -1]

        def rests() -> bool:
            before[:] = [server.sent.total(), before[0]]
            threading.Event().wait(0.5)
            return before[0] == before[1] == server.sent.total()

        eventually(rests, "nothing more is taken")
        yield process, reading
    os.close(reading)


def test_an_unread_answer_is_not_taken_from_the_service() -> None:
    # Different pieces: repeated pieces could be taken for a cumulative stream.
    pieces = [event({"content": letter * PIECE}) for letter in "ab"] * (LARGE // PIECE // 2)
    large = Script((head(), *pieces, LAST))
    with (
        fault_server({"large": large}) as server,
        standing_still(server, "stream", "-n", "large") as (run, reading),
    ):
        assert server.sent.total() < LARGE / 2
        assert memory(run) < 100 * MEGABYTE
        text = rest_of(reading)
        assert 0 == run.wait(LIMIT)
    assert LARGE + len("six ∎\n".encode()) == len(text)


def test_a_reader_that_stops_stops_the_requests() -> None:
    count = 400
    Path("in.txt").write_text("".join(f"{number} large\n" for number in range(count)))
    large = Script((head(), event({"content": "x" * 2 * PIECE}), LAST))
    arguments = ("batch", "-q", "in.txt")
    with fault_server({"large": large}) as server, standing_still(server, *arguments) as (run, reading):
        assert len(server.requests) < count * 3 / 4
        assert memory(run) < 200 * MEGABYTE
        lines = rest_of(reading)
        assert (0, count) == (run.wait(LIMIT), lines.count(b"\n"))
        assert count == len(server.requests)


@pytest.mark.parametrize("command", ["chat", "stream"])
def test_head_has_its_line_and_mmpipe_dies_of_the_cut_pipe_in_silence(
    needs: Callable[[str], None], command: str
) -> None:
    needs("bash")
    Path("prompt").write_text("sim:echo one\n" + "more\n" * 40_000)
    with service() as server:
        done = shell(f"mmpipe {command} < prompt | head -1; echo ${{PIPESTATUS[0]}}", server, program="bash")
    assert (b"one\n141\n", b"") == (done.stdout, done.stderr)


@pytest.mark.parametrize("tps", [20, 500], ids=["slowly", "fast"])
def test_nobody_pays_for_thinking_whose_reader_has_gone(needs: Callable[[str], None], tps: float) -> None:
    needs("bash")
    thoughts = "thought " * int(30 * tps)  # two tokens each: for a minute
    script = "mmpipe stream < prompt | sleep 2; echo ${PIPESTATUS[0]}"
    Path("prompt").write_text(f"sim:think {thoughts}|||too late")
    began = time.monotonic()
    with service(tps=tps) as server:
        done = shell(script, server, program="bash")
        assert (b"141\n", b"") == (done.stdout, done.stderr)
        assert time.monotonic() - began < AT_ONCE + 4
        # A slow machine may not even have asked by then.
        assert not any(request["answered"] for request in server.requests)


LEFT = (
    ("--help",),
    ("--version",),
    ("models",),
    ("completion", "man"),
    ("sim",),
    ("chat", "-n", "sim:echo x"),
    ("stream", "-n", "-F", "jsonl", "sim:echo x"),
    ("chat", "-n", "-F", "raw", "sim:echo x"),
    ("chat", "-n", "-o", "/dev/stdout", "sim:echo x"),
    ("batch", "-q", "in.txt"),
    ("batch", "--dry-run", "in.txt"),
)


@pytest.mark.parametrize("arguments", LEFT, ids=" ".join)
def test_a_pipe_without_a_reader_ends_mmpipe_by_sigpipe_and_without_a_message(
    arguments: tuple[str, ...],
) -> None:
    Path("in.txt").write_text("sim:echo x\n")
    reading, writing = os.pipe()
    os.close(reading)
    with service() as server, started((*MMPIPE, *arguments), server, stdout=writing) as process:
        os.close(writing)
        done = finished(process)
    assert (-signal.SIGPIPE, b"") == (done.status, done.stderr)


@pytest.mark.parametrize("command", ["chat", "stream", "batch"])
def test_a_reader_that_leaves_ends_the_run_although_the_parent_ignores_sigpipe(command: str) -> None:
    Path("in.txt").write_text(f"sim:length {LONG}\n" * 3)
    arguments = (
        ("batch", "-q", "-F", "jsonl", "in.txt")
        if command == "batch"
        else (command, "-n", f"sim:length {LONG}")
    )
    reading, writing = os.pipe()
    wrapped = (sys.executable, "-c", IGNORING, *MMPIPE, *arguments)
    with service() as server, started(wrapped, server, stdout=writing) as process:
        os.close(writing)
        assert os.read(reading, 1)
        os.close(reading)
        done = finished(process)
    assert (-signal.SIGPIPE, b"") == (done.status, done.stderr)


def test_a_cut_pipe_is_reported_in_the_line_about_the_answer() -> None:
    with service() as server:
        shell("mmpipe chat -n --meta meta 'sim:length 300000' | true", server)
    assert parsed(Path("meta").read_bytes())["exit_status"] == 141
