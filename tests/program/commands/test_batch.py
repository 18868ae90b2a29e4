"""`batch` as a program: answers survive every end, two runs do not mix, and a pipe is answered live."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.harness import (
    LIMIT,
    MMPIPE,
    Process,
    Record,
    eventually,
    finished,
    mmpipe,
    prompts,
    service,
    started,
)

pytestmark = pytest.mark.crashes


def lines(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def written(path: Path) -> int:
    """Return the number of whole lines; of a line being written a reader may see a part."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def numbered(path: Path, count: int) -> Path:
    path.write_text("".join(f"sim:echo {number}\n" for number in range(count)))
    return path


def moved_on(process: Process, out: Path) -> Callable[[], bool]:
    """Wait until there are more lines, or the process has ended."""
    wanted = written(out) + random.randint(1, 30)  # noqa: S311  any moment will do
    return lambda: process.poll() is not None or written(out) >= wanted


def test_killed_at_any_moment_and_resumed_it_is_whole_and_repeats_only_requests_in_flight(
    here: Path,
) -> None:
    count, at_once, kills = 300, 8, 5
    numbered(here / "in.txt", count)
    command = (*MMPIPE, "batch", "in.txt", "-o", "out.jsonl", "-j", str(at_once), "--resume")
    with service("500:0.02", tps=2000) as server:
        for _ in range(kills):
            with started(command, server) as process:
                eventually(moved_on(process, here / "out.jsonl"), "lines")
                process.kill()
                process.wait()
        done = mmpipe(*command[len(MMPIPE) :], server=server)
        assert 0 == done.status, done.stderr_text
        good = [str(record["id"]) for record in lines(here / "out.jsonl") if record["error"] is None]
        assert sorted(map(str, range(count))) == sorted(good)
        asked = len(prompts(server))
    retried = sum(int(str(record["attempts"])) - 1 for record in lines(here / "out.jsonl"))
    # What a killed run had asked and not yet tried again is in no line.
    assert asked <= count + retried + kills * 2 * at_once


def test_a_second_run_on_one_file_names_the_first(here: Path) -> None:
    numbered(here / "in.txt", 3)
    with (
        service("hang") as server,
        started((*MMPIPE, "batch", "in.txt", "-o", "out.jsonl"), server) as process,
    ):
        eventually(lambda: (here / "out.jsonl").exists() and len(server.requests) + 1, "a journal")
        eventually(
            lambda: mmpipe("batch", "in.txt", "-o", "out.jsonl", "--resume", server=server).status == 15,
            "busy",
        )
        second = mmpipe("batch", "in.txt", "-o", "out.jsonl", "--resume", server=server)
        assert (15, b"", True) == (second.status, second.stdout, str(process.pid) in second.stderr_text)


@pytest.mark.parametrize("options", [(), ("-k",)])
def test_a_line_is_answered_before_the_next_one_arrives(options: tuple[str, ...]) -> None:
    with (
        service() as server,
        started(
            (*MMPIPE, "batch", *options, "--template", "sim:echo {}"), server, stdin=subprocess.PIPE
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        for word in (b"first", b"second"):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            assert word.decode() == json.loads(process.stdout.readline())["content"]
        process.stdin.close()
        assert 0 == process.wait(LIMIT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_requests_in_flight_finish_and_the_run_can_be_resumed(
    here: Path, number: signal.Signals
) -> None:
    numbered(here / "in.txt", 400)
    command = ("batch", "in.txt", "-o", "out.jsonl", "-j", "4")
    with service(tps=400) as server:
        with started((*MMPIPE, *command), server) as process:
            eventually(lambda: written(here / "out.jsonl") >= 5, "lines")
            process.send_signal(number)
            done = finished(process)
        assert -number == done.status
        answered = lines(here / "out.jsonl")
        assert 5 <= len(answered) < 400
        assert len(prompts(server)) == len(answered)
        assert 0 == mmpipe(*command, "--resume", server=server).status
        assert 400 == len({record["id"] for record in lines(here / "out.jsonl")}) == len(prompts(server))


def test_records_added_during_a_run_are_for_the_next_one(here: Path) -> None:
    """There is more than is read ahead, so that they are there before the end is read."""
    (here / "in.txt").write_text("".join(f"sim:echo {number} {'x' * 8000}\n" for number in range(100)))
    command = ("batch", "in.txt", "-o", "out.jsonl", "-j", "1")
    with service() as server:
        with started((*MMPIPE, *command), server) as process:
            eventually(lambda: written(here / "out.jsonl"), "a line")
            with (here / "in.txt").open("a") as file:
                file.write("sim:echo more\n")
            assert (0, 100) == (finished(process).status, written(here / "out.jsonl"))
        assert 0 == mmpipe(*command, "--resume", server=server).status
        assert 101 == written(here / "out.jsonl") == len(prompts(server))


def test_failed_records_make_the_status_partial_and_each_is_in_the_output() -> None:
    with service("2013:1/2") as server:
        done = mmpipe("batch", "--template", "sim:echo {}", server=server, stdin=b"1\n2\n3\n4\n")
    assert (14, 4) == (done.status, len(done.records))
    assert 2 == sum(record["error"] is not None for record in done.records)
    assert "2 good, 2 failed" in done.stderr_text


def test_a_reader_that_goes_away_ends_the_run(here: Path) -> None:
    numbered(here / "in.txt", 2000)
    with service() as server:
        read, write = os.pipe()
        with started((*MMPIPE, "batch", "in.txt"), server, stdout=write) as process:
            os.close(write)
            os.read(read, 100)
            os.close(read)
            began = time.monotonic()
            assert -signal.SIGPIPE == process.wait(LIMIT)
            assert time.monotonic() - began < LIMIT / 2
