"""Other processes, real deaths and full disks: nothing acknowledged is lost, and two runs never mix."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from mmpipe.batch.journal.journal import open_journal
from mmpipe.batch.pace.condition import StopSignal
from mmpipe.batch.result_writer import ResultSink, ResultWriter
from mmpipe.errors import Busy, ExitStatus, OutputError
from mmpipe.unix.locks import lock
from mmpipe.unix.streams import Output
from support.full_disk import largest_file
from support.journals import record, resumed, states

pytestmark = pytest.mark.crashes

HOLD = """
import os, sys
from mmpipe.batch.journal.journal import open_journal
with open_journal(sys.argv[1], resume=True, overwrite=False) as journal:
    if sys.argv[2:] and os.fork():
        os._exit(0)
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""
APPEND = """
import sys
from mmpipe.batch.journal.journal import open_journal
from support.journals import record
with open_journal(sys.argv[1], resume=True, overwrite=False) as journal:
    for number in range(int(sys.argv[2]), 10**9, 3):
        names = [str(name) for name in range(number, number + 3)]
        journal.append([record(name, content="x" * 3000) for name in names])
        print(*names, flush=True)
"""
SYNC = """
import sys
from mmpipe.batch.journal.journal import open_journal
with open_journal(sys.argv[1], resume=False, overwrite=False) as journal:
    journal.append([b"first\\n", b"second\\n"])
    journal.append([b"third\\n"])
    journal.sync()
    journal.sync()
    journal.append([b"fourth\\n"])
"""


@contextmanager
def script(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_the_second_of_two_runs_gets_the_number_of_the_first_and_changes_nothing(path: Path) -> None:
    path.write_bytes(record("a"))
    with script(HOLD, path) as first:
        assert first.stdout is not None
        pid = int(first.stdout.readline())
        for overwrite in (False, True):
            with pytest.raises(Busy, match=rf"process {pid}\b") as caught, ExitStack() as stack:
                stack.enter_context(open_journal(str(path), resume=not overwrite, overwrite=overwrite))
            assert ExitStatus.BUSY == caught.value.status
        assert record("a") == path.read_bytes()
        first.kill()
        first.wait()
    assert resumed(path) is None


def test_no_process_is_blamed_that_does_not_hold_the_lock(path: Path) -> None:
    with script(HOLD, path, "fork") as first:
        assert first.stdout is not None
        child = int(first.stdout.readline())
        try:
            assert 0 == first.wait()
            # The kernel names the parent, which is gone.
            with pytest.raises(Busy) as caught:
                resumed(path)
            assert not re.search(r"\d", caught.value.message.replace(str(path), ""))
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_lock_on_a_file_that_lost_its_name_is_no_lock(path: Path) -> None:
    path.write_bytes(b"old")
    descriptor = os.open(path, os.O_RDWR)
    assert lock(descriptor, str(path))
    path.with_name("new").write_bytes(b"new")
    path.with_name("new").rename(path)
    assert not lock(descriptor, str(path))
    path.unlink()
    assert not lock(descriptor, str(path))
    os.close(descriptor)


@pytest.mark.parametrize("room", [0, 1, 99, 100, 101, 250])
def test_a_full_disk_leaves_whole_lines_and_the_rest_can_follow(path: Path, room: int) -> None:
    group = [record(name, content="") for name in "abc"]
    (length,) = {len(line) for line in group}
    before = len(record("first"))
    room = room * length // 100

    def fill() -> None:
        with open_journal(str(path), resume=True, overwrite=False) as journal:
            journal.append([record("first")])
            with largest_file(before + room):
                journal.append(group)

    with pytest.raises(OutputError, match=f"^cannot write to {path}: File too large$"):
        fill()
    kept = room // length
    assert record("first") + b"".join(group[:kept]) == path.read_bytes()
    assert resumed(path, *group[kept:]) is None
    assert record("first") + b"".join(group) == path.read_bytes()


@pytest.mark.slow
def test_a_killed_run_has_written_all_that_it_acknowledged(path: Path) -> None:
    acknowledged: list[str] = []
    for turn in range(8):
        with script(APPEND, path, turn * 10**6) as process:
            assert process.stdout is not None
            acknowledged += process.stdout.readline().split()
            time.sleep(random.uniform(0, 0.05))  # noqa: S311 - a moment, no secret
            process.kill()
            acknowledged += process.stdout.read().rpartition("\n")[0].split()
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert {"good"} == set(states(journal, *acknowledged))
        assert 8 <= len(acknowledged) <= len(journal) <= len(acknowledged) + 8 * 3


def test_a_group_is_one_write_and_a_sync_has_it_on_the_disk_once(
    path: Path, tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("strace")
    trace = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=write,fdatasync,fsync"]
    subprocess.run(
        [*trace, sys.executable, "-c", SYNC, path], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=True
    )
    calls = re.findall(r"(write|fdatasync|fsync)\(", (tmp_path / "trace").read_text())
    assert ["fsync", "write", "write", "fdatasync", "write", "fdatasync"] == calls


def test_a_failed_sync_is_reported_at_every_later_sync(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of lost data once."""
    results = iter([OSError(5, "Input/output error"), None, None])

    def fdatasync(_: int) -> None:
        if (error := next(results)) is not None:
            raise error

    def work() -> None:
        with open_journal(str(path), resume=False, overwrite=False) as journal:
            journal.append([record("a")])
            with suppress(OutputError):
                journal.sync()

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    with pytest.raises(OutputError, match=f"^cannot write to {path}: Input/output error$"):
        work()


def test_after_a_write_that_failed_nothing_more_is_written(path: Path) -> None:
    async def write() -> None:
        with open_journal(str(path), resume=False, overwrite=False) as journal:
            writer = ResultWriter(ResultSink(Output(1, "out")), journal, StopSignal(), in_order=False)
            writer.put(0, record("a"), is_good=True)
            with largest_file(10), pytest.raises(OutputError):
                writer.flush()
            writer.put(1, record("b"), is_good=True)
            writer.flush()

    asyncio.run(write())
    assert b"" == path.read_bytes()
