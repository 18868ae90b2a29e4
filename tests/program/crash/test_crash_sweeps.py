"""Killed or refused at each call that changes a file, a run leaves what was there or what should be, and the next one goes on.

strace plays the kernel: it kills the process as it enters a call, or lets the call fail. The calls are numbered as they
come in a run that nothing happens to; the first test sees that none is left out.
"""

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from mmpipe.core.request import Request
from mmpipe.simulator.server import RunningSimulator
from support.harness import (
    LIMIT,
    MMPIPE,
    Finished,
    Record,
    mmpipe,
    parsed,
    prompts,
    run,
    service,
    started,
    traced,
)

pytestmark = pytest.mark.crashes

TALK = b'{"role":"user","content":"name a prime"}\n{"role":"assistant","content":"7"}\n'
TORN = b'{"role":"us'
OLD = b"what was there before"
RECORDS = 6
CHANGES = "write,ftruncate,fdatasync,fsync,rename"
KILL = "signal=SIGKILL"


@dataclass(frozen=True)
class Work:
    """A run that changes `file`, which holds `before` (None: there is none) and `whole` without what is torn, by these calls."""

    arguments: tuple[str, ...]
    file: str
    before: bytes | None
    whole: bytes
    calls: tuple[str, ...]
    note: range = range(0)  # those of the calls that keep a note, without which it goes on


def line(number: int) -> bytes:
    """The record of a request that has been answered."""
    asked = Request(
        "MiniMax-M3", ({"role": "user", "content": f"sim:echo {number}"},), {"reasoning_split": True}
    )
    fields = {"id": str(number), "index": number, "content": str(number), "error": None, "attempt": 1}
    return json.dumps({**fields, "request_sha256": asked.sha256}).encode() + b"\n"


SAID = ("chat", "-n", "-c", "talk", "sim:echo 11")
WRITTEN = ("write talk", "fdatasync talk")
BESIDE = ("write .answer.*", "write .answer.*", "fsync .answer.*", "rename .answer.*", "fsync .")
BATCH = Work(
    ("batch", "in.txt", "-o", "out.jsonl", "-j", "1", "-q", "--resume"),
    "out.jsonl",
    None,
    b"",
    ("fsync .", *["write out.jsonl"] * RECORDS, "fdatasync out.jsonl"),
)
# What a later run is warned by, if its input is another one: kept beside the journal before anything is asked.
NOTE = ("write ..out.jsonl.mmpipe.*", "fsync ..out.jsonl.mmpipe.*", "rename ..out.jsonl.mmpipe.*", "fsync .")
# A journal that has all answers, but in another order and with a torn end.
TURNED = b"".join(line(number) for number in reversed(range(RECORDS)))
CUT = ("ftruncate out.jsonl", "fdatasync out.jsonl")
ORDERED = ("write .out.jsonl.*", "fsync .out.jsonl.*", "rename .out.jsonl.*", "fsync .")
WORKS = {
    "added": Work(SAID, "talk", TALK, TALK, WRITTEN),
    "torn": Work(SAID, "talk", TALK + TORN, TALK, ("ftruncate talk", *WRITTEN)),
    "first": Work(SAID, "talk", None, b"", (*WRITTEN, "fsync .")),
    "answer": Work(("chat", "-n", "-o", "answer", "sim:echo new"), "answer", OLD, OLD, BESIDE),
    "journal": Work(
        (*BATCH.arguments, "-k"),
        "out.jsonl",
        TURNED + b'{"id',
        TURNED,
        (*CUT, *NOTE, *ORDERED, "fdatasync out.jsonl"),
        range(2, 6),
    ),
}
KEEPS_NOTE = ("write:1", "fsync:2", "rename:1", "fsync:3")

EACH_CALL = [
    pytest.param(work, place, id=f"{name}-{place}-{work.calls[place].split()[0]}")
    for name, work in WORKS.items()
    for place in range(len(work.calls))
    if place not in work.note
]


@pytest.fixture(autouse=True)
def strace(needs: Callable[[str], None]) -> None:
    needs("strace")


def prepare(work: Work) -> Path:
    Path("in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(RECORDS)))
    path = Path(work.file)
    if work.before is not None:
        path.write_bytes(work.before)
    return path


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def broken(
    arguments: Sequence[str], server: RunningSimulator, call: str, how: str, file: str = ""
) -> Finished:
    """A run to which it happened; `call` is as in `fsync:2`, counted among those on `file` if one is named."""
    name, _, number = call.partition(":")
    only = ("-P", str(Path(file).resolve())) if file else ()
    fault = (*only, "-e", f"trace={name}", "-e", f"inject={name}:{how}:when={number}")
    done = traced(("-y", *fault), arguments, server)
    assert ("killed by SIGKILL" if how == KILL else "(INJECTED)") in Path("trace").read_text()
    return done


def nth(calls: Sequence[str], place: int) -> tuple[str, str]:
    """The call at this place as strace counts it, and the file among whose calls it is counted."""
    name, file = calls[place].split()
    if "*" in file or file == ".":
        return f"{name}:{[call.split()[0] for call in calls[: place + 1]].count(name)}", ""
    return f"{name}:{calls[: place + 1].count(calls[place])}", file


def changes(arguments: Sequence[str], server: RunningSimulator) -> list[str]:
    """The calls of a run by which files of this folder, and the folder, are changed."""
    done = traced(("-y", "-e", f"trace={CHANGES}"), arguments, server)
    assert 0 == done.status, done.stderr_text
    found = re.findall(r'^(\w+)\((?:\d+<|")([^>"]*)', Path("trace").read_text(), re.MULTILINE)
    here = str(Path.cwd())
    return [
        f"{name} {re.sub(r'[.][0-9a-f]{8}$', '.*', path.removeprefix(here).lstrip('/') or '.')}"
        for name, path in found
        if path.startswith(here)
    ]


@cache
def left_by(work: Work) -> bytes:
    """Return the files that an undisturbed run leaves."""
    path = prepare(work)
    with service() as server:
        assert 0 == mmpipe(*work.arguments, server=server).status
    left = path.read_bytes()
    path.unlink()
    return left


def records(path: Path) -> list[Record]:
    """Those of whole lines; there must be no others."""
    data = path.read_bytes() if path.exists() else b""
    assert data == b"" or data.endswith(b"\n")
    return list(map(parsed, data.splitlines()))


def goes_on(server: RunningSimulator) -> int:
    """Take the batch up again and see that it is whole; returns how often was asked in all."""
    done = mmpipe(*BATCH.arguments, server=server)
    assert (0, "") == (done.status, done.stderr_text)
    answers = sorted(
        (record["id"], record["content"], record["error"]) for record in records(Path("out.jsonl"))
    )
    assert [(str(number), str(number), None) for number in range(RECORDS)] == answers
    return len(prompts(server))


@pytest.mark.parametrize("name", [*WORKS, "batch"])
def test_these_are_all_the_calls_by_which_a_run_changes_files(name: str) -> None:
    work = WORKS.get(name, BATCH)
    prepare(work)
    expected = [work.calls[0], *NOTE, *work.calls[1:]] if work is BATCH else [*work.calls]
    with service() as server:
        assert expected == changes(work.arguments, server)


@pytest.mark.parametrize(("work", "place"), EACH_CALL)
def test_killed_at_any_call_it_leaves_the_old_file_or_the_new_one_and_can_be_run_again(
    work: Work, place: int
) -> None:
    new, (call, file) = left_by(work), nth(work.calls, place)
    path = prepare(work)
    with service() as server:
        assert -9 == broken(work.arguments, server, call, KILL, file).status
        left = content(path)
        # A new conversation has its file, to be locked, before there is anything to say.
        assert left in (work.before, work.whole, new)
        assert 0 == mmpipe(*work.arguments, server=server).status
    is_said_twice = work.arguments == SAID and left == new
    assert (new + new.removeprefix(work.whole) if is_said_twice else new) == content(path)


@pytest.mark.parametrize(("work", "place"), EACH_CALL)
def test_refused_at_any_call_it_says_so_leaves_the_old_file_or_the_new_one_and_can_be_run_again(
    work: Work, place: int
) -> None:
    new, (call, file) = left_by(work), nth(work.calls, place)
    with service() as server:
        path = prepare(work)
        for error, words in (("EIO", "Input/output error"), ("ENOSPC", "No space left on device")):
            prepare(work)
            done = broken(work.arguments, server, call, f"error={error}", file)
            expected = f"mmpipe: output: cannot write to {path}: {words}"
            assert (13, expected) == (done.status, done.stderr_text.splitlines()[-1])
            assert content(path) in (work.before, work.whole or new, new)
            assert [] == list(Path().glob(f".{path}.{8 * '?'}"))
        assert 0 == mmpipe(*work.arguments, server=server).status
    assert new == content(path)


@pytest.mark.parametrize("name", [*WORKS, "batch"])
def test_calls_that_a_signal_interrupts_are_made_again(name: str) -> None:
    work = WORKS.get(name, BATCH)
    # No kernel lets a signal interrupt a rename on a disk of its own.
    calls = [call.split()[0] for call in work.calls if "rename" not in call]
    every_other = [
        option for call in sorted(set(calls)) for option in ("-e", f"inject={call}:error=EINTR:when=1+2")
    ]
    clean = None if work is BATCH else left_by(work)
    path = prepare(work)
    with service() as server:
        done = traced(("-e", f"trace={CHANGES}", *every_other), work.arguments, server)
        assert 0 == done.status, done.stderr_text
        assert len(calls) <= Path("trace").read_text().count("(INJECTED)")
        if work is BATCH:
            assert RECORDS == len(records(path)) == goes_on(server)
        else:
            assert clean == content(path)


@pytest.mark.parametrize("place", range(len(BATCH.calls)))
def test_a_batch_that_is_killed_at_any_call_has_whole_lines_and_asks_again_what_was_in_flight(
    place: int,
) -> None:
    path = prepare(BATCH)
    call, file = nth(BATCH.calls, place)
    with service() as server:
        assert -9 == broken(BATCH.arguments, server, call, KILL, file).status
        assert max(0, place - 1) == len(records(path))
        # One that waited to be written, and one that was asked meanwhile.
        assert RECORDS <= goes_on(server) <= RECORDS + 2


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_batch_goes_on_from_one_write_that_fails_to_the_next(error: str) -> None:
    path = prepare(BATCH)
    with service() as server:
        for count in range(RECORDS):
            # But for the first run, one line goes in and the next one does not.
            call = "write:2" if count else "write:1"
            done = broken(BATCH.arguments, server, call, f"error={error}", "out.jsonl")
            assert (13, count) == (done.status, len(records(path))), done.stderr_text
        assert RECORDS <= goes_on(server) <= RECORDS + 2 * RECORDS


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(("call", "count"), [("fsync:1", 0), ("fdatasync:1", RECORDS)])
def test_a_batch_that_did_not_reach_the_disk_is_no_success_and_can_be_taken_up(
    call: str, count: int, error: str
) -> None:
    path = prepare(BATCH)
    with service() as server:
        done = broken(BATCH.arguments, server, call, f"error={error}")
        assert (13, count) == (done.status, len(records(path))), done.stderr_text
        assert f"cannot write to {path}: " in done.stderr_text
        assert RECORDS == goes_on(server)


@pytest.mark.parametrize(("how", "status"), [(KILL, -9), ("error=EIO", 13)])
def test_a_torn_record_whose_repair_fails_is_cut_off_by_the_next_run(how: str, status: int) -> None:
    path = prepare(BATCH)
    with service() as server:
        mmpipe(*BATCH.arguments, server=server)
        torn = path.read_bytes()[:-100]
        path.write_bytes(torn)
        assert status == broken(BATCH.arguments, server, "ftruncate:1", how).status
        assert torn == path.read_bytes()
        assert (0, RECORDS + 1) == (mmpipe(*BATCH.arguments, server=server).status, len(prompts(server)))
    assert RECORDS == len(records(path))


def test_killed_while_it_notes_what_it_is_made_from_a_batch_begins_anew() -> None:
    path = prepare(BATCH)
    with service() as server:
        assert [-9] * 4 == [broken(BATCH.arguments, server, call, KILL).status for call in KEEPS_NOTE]
        assert ([], RECORDS) == (records(path), goes_on(server))


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", KEEPS_NOTE)
def test_a_note_that_cannot_be_kept_costs_no_answer(call: str, error: str) -> None:
    path = prepare(BATCH)
    with service() as server:
        assert 0 == broken(BATCH.arguments, server, call, f"error={error}").status
        assert RECORDS == len(records(path)) == len(prompts(server))


@pytest.mark.parametrize(
    ("how", "status"), [(KILL, -9), ("error=EIO", 13), ("error=ENOSPC", 13), ("error=EINTR", 0)]
)
def test_a_journal_that_could_not_be_emptied_is_the_old_one_and_can_be_overwritten_again(
    how: str, status: int
) -> None:
    path = prepare(BATCH)
    path.write_bytes(TURNED)
    arguments = (*BATCH.arguments[:-1], "--overwrite")
    with service() as server:
        assert status == broken(arguments, server, "ftruncate:1", how).status
        if status:
            assert (TURNED, []) == (path.read_bytes(), server.requests)
            assert 0 == mmpipe(*arguments, server=server).status
        assert RECORDS == len(records(path)) == len(prompts(server))


def test_a_sync_that_fails_while_the_batch_goes_on_ends_it_though_more_may_come() -> None:
    fault = ("-f", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1")
    arguments = ("batch", "-o", "out.jsonl", "-q", "--resume", "--template", "sim:echo {}")
    with service() as server:
        command = ("strace", "-y", "-o", "trace", *fault, *MMPIPE, *arguments)
        with started(command, server, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(b"0\n")
            # What has no end is not waited for.
            assert 13 == process.wait(LIMIT)
            process.stdin.close()
        assert ["0"] == [record["content"] for record in records(Path("out.jsonl"))]
        assert 0 == mmpipe(*arguments, server=server, stdin=b"0\n").status
        assert ["sim:echo 0"] == prompts(server)


def test_a_run_that_finds_all_answered_syncs_the_journal() -> None:
    """The run that wrote it may have been killed before it did."""
    Path("in.txt").write_text("sim:echo a\n")
    arguments = ("batch", "in.txt", "-o", "out.jsonl", "--resume")
    with service() as server:
        assert 0 == run((*MMPIPE, *arguments), server).status
        assert "fdatasync out.jsonl" in changes(arguments, server)
        assert 1 == len(server.requests)


def test_a_run_whose_tracer_does_not_start_fails_its_test_and_changes_nothing() -> None:
    with pytest.raises(AssertionError, match="strace does not trace"):
        traced(("-e", "trace=no_such_call"), ("batch", "in.txt", "-o", "out.jsonl"))
    assert not Path("out.jsonl").exists()
