"""However a batch is ended, it ends soon, by the status or signal that tells why, and says how to go on."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from program.harness import AT_ONCE, MMPIPE, eventually, finished, service, shell, started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_asked_has_its_grace_and_no_more(number: signal.Signals) -> None:
    command = (*MMPIPE, "batch", "--grace", "0.5", "-o", "out.jsonl")
    with service("hang") as far, started(command, far, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        eventually(lambda: far.requests or Path("out.jsonl").exists(), "a start")
        time.sleep(1)
        process.send_signal(number)
        began = time.monotonic()
        done = finished(process)
        assert time.monotonic() - began < AT_ONCE
    assert -number == done.status
    assert "--resume" in done.said


def test_a_second_signal_waits_for_nothing() -> None:
    command = (*MMPIPE, "batch", "--grace", "600")
    with service("hang") as far, started(command, far, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert None is process.poll()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert -signal.SIGINT == finished(process).status
        assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize(("code", "status"), [("1004", 3), ("2049", 3), ("1008", 4), ("2061", 4)])
def test_what_no_request_can_pass_ends_the_run_although_the_pipe_is_open(code: str, status: int) -> None:
    with (
        service(code) as far,
        started((*MMPIPE, "batch"), far, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert status == process.wait(20)


def test_a_writer_that_fails_ends_the_run_at_once() -> None:
    with service() as far:
        done = shell("mmpipe batch > /dev/full; echo $?", far, stdin=b"sim:echo hi\n" * 3)
    assert "13" == done.stdout.decode().split()[-1]
    assert "No space left" in done.said


def test_too_few_descriptors_lower_what_is_asked_at_once_and_are_told() -> None:
    lines = b"".join(b"sim:echo %d\n" % number for number in range(300))
    with service("slow:0.2") as far:
        done = shell("ulimit -n 96; mmpipe batch -j 500", far, stdin=lines)
    assert (0, 300) == (done.status, len(done.records))
    assert 1 == done.said.count("-j is 32")


def test_the_disk_has_every_line_within_a_second(here: Path, needs: Callable[[str], None]) -> None:
    needs("strace")
    trace = ("strace", "-f", "-ttt", "-o", "trace", "-e", "trace=fdatasync,pwrite64,write")
    command = (*trace, *MMPIPE, "batch", "-o", "out.jsonl", "--template", "sim:echo {}")
    with service() as far, started(command, far, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for word in (b"one\n", b"two\n"):
            process.stdin.write(word)
            # Long enough for a start under strace, an answer, and the second in question.
            time.sleep(4)
        assert 0 == finished(process).status
    calls = re.findall(
        r"^\d+ +([\d.]+) (?:write\(\d+, \"\{|(fdatasync))", (here / "trace").read_text(), re.MULTILINE
    )
    written = [float(at) for at, synced in calls if not synced]
    synced = [float(at) for at, synced in calls if synced]
    assert 2 == len(written)
    assert all(any(at < done < at + 3 for done in synced) for at in written)


def test_two_runs_of_one_key_share_their_limit(tmp_path: Path) -> None:
    """Of 120 a minute two runs together get one each half second, and a burst of one at their beginning."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    lines = b"".join(b"sim:echo %d\n" % number for number in range(1000))
    env = {"XDG_RUNTIME_DIR": str(runtime)}
    command = (*MMPIPE, "batch", "--rpm", "120", "--deadline", "5", "--grace", "0.2")
    (tmp_path / "in.txt").write_bytes(lines)
    with (
        service() as far,
        started((*command, str(tmp_path / "in.txt")), far, env=env) as one,
        started((*command, str(tmp_path / "in.txt")), far, env=env) as other,
    ):
        assert [5, 5] == [finished(one).status, finished(other).status]
        assert 5 <= len(far.requests) <= 13


def test_the_totals_are_told_after_a_signal_too(here: Path) -> None:
    command = (*MMPIPE, "batch", "--meta", "meta.jsonl", "--grace", "0.1")
    with service("hang") as far, started(command, far, stdin=subprocess.PIPE) as process:
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == finished(process).status
    (told,) = map(json.loads, (here / "meta.jsonl").read_bytes().splitlines())
    assert 143 == told["exit_status"]
