"""A journal loses nothing that it acknowledged, mends what a crash tore, and belongs to one run at a time."""

import os
import pty
import random
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.journals import asked, batch_api_line, record
from mmpipe.batch.journal import Journal, open_journal
from mmpipe.batch.lock import lock
from mmpipe.errors import Busy, ExitStatus, InputError, OutputError, UsageError

HOLD = """
import os, sys
from mmpipe.batch.journal import open_journal
with open_journal(sys.argv[1], resume=True, overwrite=False) as journal:
    if sys.argv[2:] and os.fork():
        os._exit(0)
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""
APPEND = """
import sys
from mmpipe.batch.journal import open_journal
from batch.journals import record
with open_journal(sys.argv[1], resume=True, overwrite=False) as journal:
    for number in range(int(sys.argv[2]), 10**9, 3):
        names = [str(name) for name in range(number, number + 3)]
        journal.append([record(name, content="x" * 3000) for name in names])
        print(*names, flush=True)
"""
SYNC = """
import sys
from mmpipe.batch.journal import open_journal
with open_journal(sys.argv[1], resume=False, overwrite=False) as journal:
    for now in (0.0, 0.5, 0.9, 1.0, 1.1):
        journal.append([b"first\\n", b"second\\n"])
        journal.sync_if_due(now)
"""


def resumed(path: Path, *more: bytes) -> str | None:
    """Go on with a journal; what was repaired."""
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        if more:
            journal.append(more)
        return journal.repaired


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


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a disk that is full there: a write is cut short, and the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def states(journal: Journal, *names: str) -> list[str]:
    return [journal.state(name, asked()) for name in names]


def test_what_is_answered_is_not_asked_again_and_what_failed_is(path: Path) -> None:
    path.write_bytes(record("a") + record("b", good=False) + record("c", good=False) + record("c", attempt=2))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "failed", "good", "new"] == states(journal, "a", "b", "c", "d")
        assert [1, 1, 2, 0] == [journal.attempt(name) for name in "abcd"]
        assert (3, None) == (len(journal), journal.repaired)


def test_another_request_under_an_old_id_is_told(path: Path) -> None:
    path.write_bytes(record("a", request="one") + record("b", request="one", good=False))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["changed", "changed"] == [journal.state(name, asked("another")) for name in "ab"]
        assert "good" == journal.state("a", asked("one").upper())


def test_lines_of_the_batch_api_go_by_their_custom_id_and_their_attempts_are_counted(path: Path) -> None:
    path.write_bytes(batch_api_line("a", good=False) + batch_api_line("a"))
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "new"] == states(journal, "a", "batch_req_1")
        assert 2 == journal.attempt("a")


def test_an_id_may_be_any_string_of_json(path: Path) -> None:
    path.write_bytes(rb'{"id":"\ud800","error":null,"request_sha256":"%s"}' % asked().encode() + b"\r\n")
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good", "new"] == states(journal, "\ud800", "?")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True),
    st.sampled_from([b"", b"\0", b"\0" * 5000]),
)
def test_wherever_a_crash_cuts_it_the_journal_and_the_rest_make_the_whole(
    tmp_path: Path, names: list[str], padding: bytes
) -> None:
    path = tmp_path / "cut.jsonl"
    records = [record(name) for name in names]
    whole = b"".join(records)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut] + padding)
        with open_journal(str(path), resume=True, overwrite=False) as journal:
            journal.append(
                [line for line, name in zip(records, names, strict=True) if states(journal, name) == ["new"]]
            )
            at_line_end = not padding and (cut == 0 or whole[cut - 1 : cut] == b"\n")
            assert at_line_end == (journal.repaired is None), cut
        assert whole == path.read_bytes(), cut


def test_what_was_repaired_is_said(path: Path) -> None:
    path.write_bytes(record("a") + record("b")[:-1])
    assert "its last record got the newline that was missing" == resumed(path)
    path.write_bytes(record("a") + record("b")[:7])
    assert "7 bytes of a torn record were cut off its end" == resumed(path)
    path.write_bytes(record("a") + b"\0" * 9)
    assert "9 bytes of NULs were cut off its end" == resumed(path)
    assert record("a") == path.read_bytes()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\0" * 40, "not JSON"),
        (b'{"id":"\xff"}', "UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "object"),
        (b'{"id":1}', "id"),
        (record("a", attempt=True)[:-1], "attempt"),
        (record("a", attempt=-1)[:-1], "attempt"),
        (record("a", error=False)[:-1], "error"),
        (record("a", request_sha256="z" * 64)[:-1], "request_sha256"),
        (record("a", request_sha256=None)[:-1], "request_sha256"),
    ],
)
def test_a_line_inside_that_is_no_record_is_refused_by_its_number(
    path: Path, line: bytes, reason: str
) -> None:
    content = record("a") + line + b"\n" + record("b") + b'{"torn'
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"line 2 .*{reason}"):
        resumed(path)
    assert content == path.read_bytes()


@pytest.mark.parametrize("end", [b"a prompt", b'{"prompt": "mine"}', b'{"prompt": "mine"}\0', b"17", b"\xff"])
def test_an_end_that_no_crash_of_ours_can_leave_is_not_cut_off(path: Path, end: bytes) -> None:
    for content in (end, record("a") + end):
        path.write_bytes(content)
        with pytest.raises(InputError, match="left as it is"):
            resumed(path)
        assert content == path.read_bytes()


def test_records_longer_than_a_block_are_read(path: Path) -> None:
    long = record("long", content="x" * 3_000_000)
    path.write_bytes(record("a") + long + record("b") + long[:-2])
    assert f"{len(long) - 2} bytes" in (resumed(path) or "")
    with open_journal(str(path), resume=True, overwrite=False) as journal:
        assert ["good"] * 3 == states(journal, "a", "long", "b")


def test_a_file_without_line_ends_is_refused_and_not_read_into_memory(path: Path) -> None:
    for end in (b"", b"\n"):
        path.write_bytes(b"{")
        os.truncate(path, 1 << 29)
        with path.open("ab") as file:
            file.write(b"}" + end)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(InputError, match=r"line 1|too long"):
            resumed(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def test_content_is_neither_lost_nor_added_to_unless_the_user_says_which(path: Path) -> None:
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match=r"--resume .*--overwrite"), ExitStack() as stack:
        stack.enter_context(open_journal(str(path), resume=False, overwrite=False))
    assert b"precious" == path.read_bytes()
    with open_journal(str(path), resume=False, overwrite=True) as journal:
        journal.append([record("a")])
    assert record("a") == path.read_bytes()


def test_a_user_who_says_both_is_asked_which(path: Path) -> None:
    with pytest.raises(UsageError, match="exclude"), open_journal(str(path), resume=True, overwrite=True):
        pass
    assert not path.exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_new_journal_is_made_as_the_umask_says(path: Path, *, resume: bool) -> None:
    before = os.umask(0o027)
    try:
        with open_journal(str(path), resume=resume, overwrite=False) as journal:
            assert ["new"] == states(journal, "a")
    finally:
        os.umask(before)
    assert 0o640 == stat.S_IMODE(path.stat().st_mode)


def test_what_cannot_be_read_again_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ends = pty.openpty()
    for name in (tmp_path / "pipe", os.ttyname(ends[1]), "/dev/stdout", "/dev/fd/1", "/dev/null"):
        with pytest.raises(UsageError, match="leave out -o"):
            resumed(Path(name))
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("place", ["", "no/such/folder"])
def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path, place: str) -> None:
    with pytest.raises(OutputError, match="cannot write to"):
        resumed(tmp_path / place)


def test_the_second_of_two_runs_is_told_who_is_at_work_and_changes_nothing(path: Path) -> None:
    path.write_bytes(record("a"))
    with script(HOLD, path) as first:
        assert first.stdout is not None
        pid = int(first.stdout.readline())
        for overwrite in (False, True):
            with pytest.raises(Busy, match=rf"process {pid}\b") as told, ExitStack() as stack:
                stack.enter_context(open_journal(str(path), resume=not overwrite, overwrite=overwrite))
            assert ExitStatus.BUSY == told.value.status
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
            with pytest.raises(Busy) as told:
                resumed(path)
            assert not re.search(r"\d", told.value.message.replace(str(path), ""))
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
    path.write_bytes(record("first"))
    before = path.stat().st_size
    room = room * length // 100

    def fill() -> None:
        with open_journal(str(path), resume=True, overwrite=False) as journal, largest_file(before + room):
            journal.append(group)

    with pytest.raises(OutputError, match="File too large"):
        fill()
    kept = room // length
    assert record("first") + b"".join(group[:kept]) == path.read_bytes()
    assert resumed(path, *group[kept:]) is None
    assert record("first") + b"".join(group) == path.read_bytes()


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


def test_a_group_is_one_write_and_the_disk_has_it_within_a_second(
    path: Path, tmp_path: Path, needs: Callable[[str], None]
) -> None:
    needs("strace")
    trace = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=write,fdatasync,fsync"]
    subprocess.run(
        [*trace, sys.executable, "-c", SYNC, path], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=True
    )
    calls = re.findall(r"(write|fdatasync|fsync)\(", (tmp_path / "trace").read_text())
    assert ["fsync", "write", "fdatasync", *["write"] * 3, "fdatasync", "write", "fdatasync"] == calls
