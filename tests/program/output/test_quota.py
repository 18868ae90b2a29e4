"""A network file system may report a full quota only at a sync or a close: that is an error of output, never a bug."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mmpipe.errors import ExitStatus
from mmpipe.simulator.server import RunningSimulator
from support.harness import MMPIPE, Finished, run, service, traced

pytestmark = [pytest.mark.outputs, pytest.mark.slow]

CHAT, BATCH = ("chat", "-n", "sim:echo 11"), ("batch", "-q", "in.txt")
OUTPUTS: dict[str, tuple[str, ...]] = {
    "chat > out": CHAT,
    "chat --meta out": (*CHAT, "--meta", "out"),
    "chat -c out": (*CHAT, "-c", "out"),
    "stream > out": ("stream", *CHAT[1:]),
    "stream --thinking-file out": ("stream", *CHAT[1:], "-t", "split", "--thinking-file", "out"),
    "batch > out": BATCH,
    "batch -o out": (*BATCH, "-o", "out"),
    "batch --meta out": (*BATCH, "--meta", "out"),
    "batch --merge > out": ("batch", "--merge", "journal"),
    "models > out": ("models",),
}


@pytest.fixture(autouse=True)
def strace(needs: Callable[[str], None]) -> None:
    needs("strace")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with service() as server:
        yield server


def run_with_a_failing(
    call: str, server: RunningSimulator, arguments: Sequence[str], file: Path, *, redirected: bool
) -> Finished:
    """Run the command so that this system call fails for this file."""
    options = ("-f", "-P", str(file), "-e", f"trace={call}", "-e", f"inject={call}:error=EDQUOT")
    return traced(options, arguments, server, stdout="out" if redirected else "")


@pytest.mark.parametrize("call", ["close", "write", "fsync", "fdatasync"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_quota_that_is_full_at_any_call_is_status_13_or_does_not_matter(
    here: Path, server: RunningSimulator, name: str, call: str
) -> None:
    (here / "in.txt").write_text("sim:echo 1\nsim:echo 2\n")
    if "--merge" in name:
        assert 0 == run((*MMPIPE, *BATCH, "-o", "journal"), server).status
    done = run_with_a_failing(call, server, OUTPUTS[name], here / "out", redirected=">" in name)
    is_called = f"{call}(" in (here / "trace").read_text()
    assert (ExitStatus.OUTPUT if is_called else ExitStatus.OK) == done.status, done.stderr_text
    assert is_called == ("Disk quota exceeded" in done.stderr_text)
    assert "bug" not in done.stderr_text
    assert is_called or call not in ("close", "write")


@pytest.mark.parametrize("name", ["batch > out", "batch --merge > out"])
def test_results_in_a_redirected_file_are_on_the_disk(
    here: Path, server: RunningSimulator, name: str
) -> None:
    (here / "in.txt").write_text("sim:echo 1\n")
    assert 0 == run((*MMPIPE, *BATCH, "-o", "journal"), server).status
    done = run_with_a_failing("fsync", server, OUTPUTS[name], here / "out", redirected=True)
    assert ExitStatus.OUTPUT == done.status


def test_a_file_that_is_not_kept_does_not_replace_the_old_one(here: Path, server: RunningSimulator) -> None:
    (here / "out").write_text("old\n")
    command = (*CHAT, "-o", "out")
    done = traced(("-f", "-y", "-e", "inject=fsync:error=EDQUOT"), command, server)
    assert (ExitStatus.OUTPUT, "old\n") == (done.status, (here / "out").read_text())
    assert [] == list(here.glob(".out*"))
    assert 0 == traced(("-f", "-y", "-e", "trace=close,fsync,rename"), command, server).status
    calls = [line for line in (here / "trace").read_text().splitlines() if "/.out." in line]
    assert ["fsync", "close", "rename"] == [re.split(r"\W", line.split(maxsplit=1)[1])[0] for line in calls]
