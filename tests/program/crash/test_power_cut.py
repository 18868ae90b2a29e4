"""Power that fails takes nothing that was acknowledged: the disk as it is at that moment, mounted anew, has it all.

The disk is an ext4 in a file, mounted in a namespace of its own that writes nothing back by itself meanwhile. A copy of
the file is what a disk without power holds: what was not synced is not in it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.harness import MMPIPE, Finished, Process, eventually, parsed, prompts, run, service, started

pytestmark = pytest.mark.crashes

OLD = b"what was there before\n"
TALK = b'{"role":"user","content":"name a prime"}\n{"role":"assistant","content":"7"}\n'
TORN = b'{"role":"us'
COUNT = 5
BATCH = ("batch", "-o", "out.jsonl", "-q", "--resume")
MOUNT = 'mount -o loop,commit=300 "$1" "$2" && echo mounted && read -r _'
UNPACK = 'mount -o loop "$1" "$2" && cp -a "$2/." "$3"'
INSIDE = 'cd "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class Disk:
    """A mounted disk, which whoever joins the namespace of `holder` sees."""

    image: Path
    place: Path
    holder: int

    def command(self, *arguments: str) -> tuple[str, ...]:
        """`mmpipe`, at work on the disk."""
        inside = ("sh", "-c", INSIDE, "sh", str(self.place))
        return ("nsenter", "-t", str(self.holder), "-m", *inside, *MMPIPE, *arguments)

    def mmpipe(self, *arguments: str, server: RunningSimulator) -> Finished:
        return run(self.command(*arguments), server)

    def seen(self, name: str) -> bytes:
        """The file as programs see it, synced or not."""
        path = Path(f"/proc/{self.holder}/root{self.place}/{name}")
        return path.read_bytes() if path.exists() else b""

    def holds(self, words: bytes) -> bool:
        """Return whether the words are anywhere on the disk."""
        return words in self.image.read_bytes()

    def without_power(self, at_work: Process | None = None) -> dict[str, bytes]:
        """The files that are there when the power is back; who is at work writes nothing while it goes."""
        copy, place, found = (self.image.with_name(name) for name in ("copy", "again", "found"))
        with ExitStack() as stack:
            if at_work is not None:
                stack.enter_context(stopped(at_work))
            shutil.copyfile(self.image, copy)
        place.mkdir(exist_ok=True)
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        subprocess.run(["unshare", "-m", "sh", "-c", UNPACK, "sh", copy, place, found], check=True)
        return {path.name: path.read_bytes() for path in found.iterdir() if path.is_file()}


MakeDisk = Callable[[Mapping[str, bytes]], Disk]


@contextmanager
def stopped(process: Process) -> Iterator[None]:
    """Between two calls to the kernel, in every thread."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.fixture
def disk(here: Path, needs: Callable[[str], None]) -> Iterator[MakeDisk]:
    """Makes a disk that has these files already."""
    for program in ("mkfs.ext4", "unshare", "nsenter"):
        needs(program)
    with ExitStack() as stack:

        def make(files: Mapping[str, bytes]) -> Disk:
            image, place, content = here / "image", here / "disk", here / "content"
            place.mkdir()
            content.mkdir()
            for name, data in files.items():
                (content / name).write_bytes(data)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-d", content, image, "8M"], check=True)
            mount = ("unshare", "-m", "sh", "-c", MOUNT, "sh", str(image), str(place))
            holder = stack.enter_context(started(mount, stdin=subprocess.PIPE))
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline() != b"mounted\n":
                # As for an ordinary user, and in most containers.
                pytest.skip(holder.stderr.read().decode(errors="replace"))
            return Disk(image, place, holder.pid)

        yield make


def numbers(count: int) -> bytes:
    return b"".join(b"sim:echo %d\n" % number for number in range(count))


def answered(journal: bytes) -> set[object]:
    """The answers of the whole lines."""
    return {parsed(line)["content"] for line in journal.splitlines(keepends=True) if line.endswith(b"\n")}


def all_of(count: int) -> set[object]:
    return {str(number) for number in range(count)}


@pytest.mark.parametrize("order", [(), ("-k",)])
def test_a_batch_that_ended_well_is_whole_and_is_not_asked_again(
    disk: MakeDisk, order: tuple[str, ...]
) -> None:
    mounted = disk({"in.txt": numbers(COUNT)})
    with service() as server:
        assert 0 == mounted.mmpipe(*BATCH, *order, "in.txt", server=server).status
        left = mounted.without_power()
    assert all_of(COUNT) == answered(left["out.jsonl"])
    assert mounted.seen("out.jsonl") == left["out.jsonl"]


def test_the_lines_of_a_killed_batch_are_on_the_disk_once_a_later_run_reports_them(
    disk: MakeDisk,
) -> None:
    mounted = disk({"in.txt": numbers(COUNT)})
    with service("hang:#6") as server:
        # The record that hangs keeps the run from its end, where everything is synced.
        with started(mounted.command(*BATCH, "-j", "1"), server, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(numbers(COUNT + 1))
            eventually(lambda: COUNT == mounted.seen("out.jsonl").count(b"\n"), "all answers")
            process.kill()
            process.wait()
        left = mounted.without_power().get("out.jsonl", b"")
        # Less than a second old, it may be lost; what is left of it is a beginning.
        assert mounted.seen("out.jsonl").startswith(left)
        assert 0 == mounted.mmpipe(*BATCH, "in.txt", server=server).status
        assert COUNT + 1 == len(prompts(server))
        assert all_of(COUNT) == answered(mounted.without_power()["out.jsonl"])


def test_an_answer_of_a_running_batch_is_on_the_disk_soon_and_for_good(disk: MakeDisk) -> None:
    mounted = disk({})
    command = mounted.command(*BATCH, "-j", "1")
    with service() as server, started(command, server, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        kept = b""
        for number in range(3):
            process.stdin.write(b"sim:echo %d\n" % number)
            # Perhaps nobody knows yet that it is there; to mount the disk each time would take long.
            eventually(partial(mounted.holds, b'"content":"%d"' % number), "the answer on the disk")
            left = mounted.without_power(process)["out.jsonl"]
            assert all_of(number + 1) == answered(left)
            assert left.startswith(kept)
            kept = left
        process.stdin.close()
        assert 0 == process.wait()


@pytest.mark.parametrize("before", [b"", TALK, TALK + TORN])
def test_a_conversation_has_each_turn_that_was_answered(disk: MakeDisk, before: bytes) -> None:
    mounted = disk({"talk": before} if before else {})
    kept = before.removesuffix(TORN)
    with service() as server:
        for number in range(2):
            done = mounted.mmpipe("chat", "-n", "-c", "talk", f"sim:echo {number}", server=server)
            assert (0, b"%d\n" % number) == (done.status, done.stdout)
            left = mounted.without_power()["talk"]
            question, answer = map(parsed, left.removeprefix(kept).splitlines())
            assert left.startswith(kept)
            assert [f"sim:echo {number}", str(number)] == [question["content"], str(answer["content"])[-1]]
            kept = left


@pytest.mark.parametrize("before", [{}, {"answer": OLD}])
def test_a_file_for_an_answer_is_the_old_one_until_the_new_one_is_whole(
    disk: MakeDisk, before: dict[str, bytes]
) -> None:
    mounted = disk(before)
    command = mounted.command("stream", "-n", "-o", "answer", "sim:chunks 40")
    beside = Path(f"/proc/{mounted.holder}/root{mounted.place}")
    with service("hang-mid:#1") as server:
        with started(command, server) as process:
            eventually(
                lambda: any(path.stat().st_size for path in beside.glob(".answer.*")), "the answer has begun"
            )
            left = mounted.without_power(process)
            assert before == {name: data for name, data in left.items() if name == "answer"}
            process.kill()
            process.wait()
        assert 0 == mounted.mmpipe("chat", "-n", "-o", "answer", "sim:echo new", server=server).status
        assert b"new\n" == mounted.without_power()["answer"]
