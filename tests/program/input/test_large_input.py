"""Input of any size is sent to the byte or refused, in memory that does not grow with it."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmpipe.batch.records.formats.record_format import MAX_RECORD
from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import (
    MMPIPE,
    Finished,
    Record,
    finished,
    mmpipe,
    parsed,
    prompts,
    read_until,
    service,
    shell,
    started,
)
from support.in_process import run_in_process

pytestmark = pytest.mark.inputs

MEGABYTE = 10**6
MUCH = 100 * MEGABYTE
# A process of its own: a child begins with the memory of whoever starts it, and the tests have much.
_RUN = """
import pathlib, resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
pathlib.Path("peak").write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""
MESSAGES = ("--messages", "--system-file", "--schema", "--tools")


@pytest.fixture
def server() -> Iterator[RunningSimulator]:
    with service() as running:
        yield running


def measured(arguments: str, path: str, server: RunningSimulator) -> tuple[Finished, int]:
    """Read the file as standard input; return the result and the largest memory in MB."""
    command = shlex.join((sys.executable, "-c", _RUN, *MMPIPE, *arguments.split()))
    done = shell(f"exec {command} < {path}", server)
    return done, int(Path("peak").read_text()) // 1000


def sparse(name: str, size: int) -> str:
    Path(name).touch()
    os.truncate(name, size)
    return name


def error(record: Record) -> Record:
    found = record["error"]
    assert isinstance(found, dict)
    return found


def test_a_prompt_larger_than_any_request_is_refused_as_soon_as_that_is_known(
    server: RunningSimulator,
) -> None:
    done, peak = measured("chat", sparse("much", 4 * MUCH), server)
    assert (ExitStatus.INPUT, b"", 1, []) == (
        done.status,
        done.stdout,
        done.stderr_text.count("\n"),
        server.requests,
    )
    assert "standard input is larger than a request may be (64 MiB)" in done.stderr_text
    assert peak < 300


@pytest.mark.parametrize("place", ["-f", "-c", *MESSAGES])
def test_a_file_larger_than_any_request_is_refused_wherever_it_is_read(
    place: str, server: RunningSimulator
) -> None:
    # A conversation is kept in a file, and nothing else is one.
    for path in (sparse("much", MUCH), *(["/dev/zero"] if place != "-c" else [])):
        done = run_in_process("chat", "-n", place, path, "hi", server=server)
        assert (ExitStatus.INPUT, b"", 1) == (done.status, done.stdout, done.stderr_text.count("\n"))
        assert "is larger than a request may be (64 MiB)" in done.stderr_text
    assert [] == server.requests


@pytest.mark.parametrize("place", ["--system-file", "--schema"])
def test_so_it_is_for_a_batch(place: str, server: RunningSimulator) -> None:
    done = run_in_process("batch", place, sparse("much", MUCH), server=server, stdin=b"hi\n")
    assert (ExitStatus.INPUT, b"", []) == (done.status, done.stdout, server.requests)
    assert "much is larger than a request may be (64 MiB)" in done.stderr_text


@pytest.mark.parametrize("command", ["chat -n hi", "batch", "models"])
def test_a_configuration_without_an_end_is_refused(
    command: str, here: Path, server: RunningSimulator
) -> None:
    folder = here / ".config/mmpipe"
    folder.mkdir(parents=True)
    (folder / "config.toml").symlink_to("/dev/zero")
    done = shell(f"ulimit -v 1000000; exec mmpipe {command}", server)
    expected = 0 if command == "models" else ExitStatus.USAGE
    assert (expected, []) == (done.status, server.requests), done.stderr_text


def test_a_line_of_a_pipe_that_is_too_long_fails_by_itself(server: RunningSimulator) -> None:
    with Path("lines").open("wb") as file:
        file.write(b"sim:echo before\n")
        file.seek(MUCH, os.SEEK_CUR)
        file.write(b"\nsim:echo after\n")
    done, peak = measured("batch -k", "lines", server)
    assert ExitStatus.PARTIAL == done.status
    assert ["sim:echo before", "sim:echo after"] == prompts(server)
    before, long, after = done.records
    assert ("before", "after") == (before["content"], after["content"])
    assert ExitStatus.INPUT == error(long)["code"]
    assert f"longer than {MAX_RECORD} bytes" in str(error(long)["message"])
    assert peak < 200


def test_a_file_with_such_a_line_is_refused_before_anything_is_asked(server: RunningSimulator) -> None:
    done = run_in_process("batch", sparse("lines", MUCH), server=server)
    assert (ExitStatus.INPUT, b"", []) == (done.status, done.stdout, server.requests)
    assert f"lines, line 1: it is longer than {MAX_RECORD} bytes" in done.stderr_text


def test_a_line_without_an_end_is_reported_at_once_and_takes_no_memory_until_a_signal_ends_it() -> None:
    zeros = os.open("/dev/zero", os.O_RDONLY)
    with service() as server, started((*MMPIPE, "batch"), server, stdin=zeros) as process:
        os.close(zeros)
        record = parsed(read_until(process.stdout, b"\n"))
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.send_signal(signal.SIGTERM)
        done = finished(process)
        assert (-signal.SIGTERM, []) == (done.status, server.requests)
    assert ExitStatus.INPUT == error(record)["code"]
    (peak,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    assert peak // 1000 < 200


def test_the_memory_of_a_batch_does_not_grow_with_its_lines(server: RunningSimulator) -> None:
    good, bad = b"x" * MEGABYTE + b"\n", b"x" * MEGABYTE + b"\xff\n"
    peaks = {}
    for count in (1, 10):
        Path("lines").write_bytes((good + bad * 9) * count)
        done, peaks[count] = measured("batch -j 1", "lines", server)
        assert (ExitStatus.PARTIAL, 10 * count) == (done.status, len(done.records))
        assert 9 * count == sum(record["error"] is not None for record in done.records)
    assert peaks[10] < peaks[1] + 40


@pytest.mark.parametrize("command", ["chat", "batch"])
def test_megabytes_in_one_line_are_sent_to_the_byte(command: str, server: RunningSimulator) -> None:
    line = 'x\u00fc\u2202\U0001f600\t\x1b\\"' * (MEGABYTE // 2)
    assert MAX_RECORD > len(line.encode()) > 6 * MEGABYTE
    done = mmpipe(command, server=server, stdin=line.encode(), env={"PYTHONWARNINGS": "error"})
    # More than any model takes, which is not ours to judge.
    assert {"chat": ExitStatus.REJECTED, "batch": ExitStatus.PARTIAL}[command] == done.status
    assert [True] == [line == prompt for prompt in prompts(server)]
