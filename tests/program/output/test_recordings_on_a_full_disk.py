"""An answer that is paid and cannot be recorded is written all the same; the run ends with 13 and says why."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmpipe.simulator.server import RunningSimulator
from support.harness import Finished, limited, mmpipe, prompts, service, shell, traced
from support.tool_conversations import TOOLS

pytestmark = pytest.mark.outputs

# Longer than the largest file that the tests below permit; standard output is a pipe.
LONG = "x" * 3000
MODES = ("--record", "--cache")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")


@pytest.fixture(params=["tmpfs", "ext4"])
def full_disk(here: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system with no room for another byte, but for names."""
    folder = here / "disk"
    folder.mkdir()
    if request.param == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    else:
        image = here / "image"
        image.write_bytes(b"")
        os.truncate(image, 1 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
        if subprocess.run(
            ["mount", "-o", "loop", image, folder], capture_output=True, check=False
        ).returncode:
            pytest.skip("there is no loop device")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def run_limited(command: str, server: RunningSimulator, stdin: bytes = b"") -> Finished:
    """Run the command where no file may have more than a few bytes, as where a quota is reached."""
    return limited({"FSIZE": 512}, shlex.split(command), server, stdin=stdin)


def fill(folder: Path) -> None:
    with (folder / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            pass


@AS_ROOT
@pytest.mark.parametrize("mode", MODES)
def test_the_answer_of_a_chat_is_printed_although_the_disk_is_full(full_disk: Path, mode: str) -> None:
    folder = full_disk / "kept"
    folder.mkdir()
    fill(full_disk)
    with service() as server:
        done = mmpipe("chat", "-n", mode, str(folder), "sim:echo paid", server=server)
        assert (13, b"paid\n", 1) == (done.status, done.stdout, len(prompts(server))), done.stderr_text
    (line,) = done.stderr_text.splitlines()
    assert line.startswith("mmpipe: output: the answer is written, but not recorded: cannot write to ")
    assert line.endswith("No space left on device")
    assert [] == [*folder.iterdir()]


@AS_ROOT
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_keeps_its_answers_and_ends_at_the_first_failure(
    full_disk: Path, mode: str, here: Path
) -> None:
    folder = full_disk / "kept"
    folder.mkdir()
    (here / "in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(200)))
    fill(full_disk)
    command = ("batch", "in.txt", "-o", "out.jsonl", "-j", "4", "-q", mode, str(folder))
    with service() as server:
        done = mmpipe(*command, server=server)
        assert 13 == done.status, done.stderr_text
        assert "No space left" in done.stderr_text
        good = [json.loads(line) for line in (here / "out.jsonl").read_bytes().splitlines()]
        # What was in flight is paid and written too; nothing more is asked.
        assert 1 <= len(good) == len(prompts(server)) <= 8
        assert all(record["error"] is None and record["content"] == record["id"] for record in good)
        (full_disk / "filling").unlink()
        # There is not room for all of them, so that it may end once more; no record is asked twice.
        assert mmpipe(*command, "--resume", server=server).status in (0, 13)
        lines = (here / "out.jsonl").read_bytes().splitlines()
        assert (
            len(good) < len(lines) == len({json.loads(line)["id"] for line in lines}) == len(prompts(server))
        )


FORMS = {
    "text": (("-F", "text"), LONG.encode() + b"\n"),
    "record": (("--json",), b'"content":"' + LONG.encode()),
    "transcript": (("-F", "messages"), LONG.encode()),
    "raw": (("-F", "raw"), LONG[:5].encode()),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("command", ["chat", "stream"])
@pytest.mark.parametrize(("options", "part"), FORMS.values(), ids=FORMS)
def test_every_form_of_an_answer_is_written_where_a_quota_is_reached(
    command: str, options: tuple[str, ...], part: bytes, mode: str
) -> None:
    words = " ".join((command, "-n", *options, mode, "kept", f"'sim:echo {LONG}'"))
    with service() as server:
        done = run_limited(words, server)
        assert (13, 1) == (done.status, len(prompts(server))), done.stderr_text
    assert part in done.stdout
    assert done.stderr_text.endswith("json: File too large\n")
    assert 1 == len(done.stderr_text.splitlines())


def test_the_events_of_an_answer_end_with_the_error_of_its_recording() -> None:
    with service() as server:
        done = run_limited(f"stream -n -F jsonl --record kept 'sim:echo {LONG}'", server)
    *_, end, error = done.records
    assert (13, "end", "error", 13) == (done.status, end["type"], error["type"], error["code"])


@pytest.mark.parametrize("options", ["-o answer", "-c talk.jsonl", "--meta meta"])
def test_files_with_the_answer_are_complete_although_the_recording_fails(options: str, here: Path) -> None:
    # Only the folder of the recordings is at fault: it has become a file of the answer's name.
    with service() as server:
        first = shell("mmpipe chat -n --record kept sim:echo\\ x", server)
        (file,) = Path("kept").iterdir()
        file.unlink()
        file.mkdir()
        done = shell(f"mmpipe chat -n {options} --record kept sim:echo\\ x", server)
    assert (0, 13) == (first.status, done.status), done.stderr_text
    assert "is written, but not recorded" in done.stderr_text
    written = (here / options.split()[1]).read_text()
    assert {"-o": "x\n", "-c": '"content":"x"', "--meta": '"exit_status":13'}[
        options.split(maxsplit=1)[0]
    ] in written
    assert ("" if options.startswith("-o") else "x\n") == done.stdout.decode()


def test_a_tool_that_the_model_calls_is_run_and_the_answer_written() -> None:
    words = "chat -n --record kept --run get_weather=cat --tools tools.json"
    Path("tools.json").write_text(json.dumps(TOOLS))
    with service() as server:
        done = run_limited(f'{words} \'sim:tool get_weather {{"city":"{LONG}"}}\'', server)
        assert (13, 2) == (done.status, len(prompts(server))), done.stderr_text
    assert done.stdout
    assert 1 == done.stderr_text.count("is written, but not recorded")


def test_a_failure_of_the_service_keeps_its_status_and_the_recording_is_a_warning() -> None:
    with service("1026") as server:
        done = run_limited(f"chat -n --record kept '{LONG}'", server)
    assert (10, b"") == (done.status, done.stdout)
    assert "warning: the answer was not recorded: cannot write to " in done.stderr_text


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_to_a_pipe_writes_each_paid_answer_and_ends(mode: str) -> None:
    asked = "".join(f"sim:echo {LONG}{number}\n" for number in range(100))
    with service() as server:
        done = run_limited(f"batch -q -j4 {mode} kept", server, stdin=asked.encode())
        assert 13 == done.status, done.stderr_text
        assert 1 <= len(done.records) == len(prompts(server)) <= 8
    assert [None] * len(done.records) == [record["error"] for record in done.records]


def test_a_batch_ends_with_the_recording_of_an_error_too() -> None:
    asked = "".join(f"{LONG}{number}\n" for number in range(100))
    with service("1026") as server:
        done = run_limited("batch -q -j2 --record kept", server, stdin=asked.encode())
        assert 13 == done.status, done.stderr_text
        assert 1 <= len(prompts(server)) <= 4


@pytest.mark.parametrize("error", ["EDQUOT", "EIO", "ENOSPC", "EROFS", "ESTALE"])
@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("mode", MODES)
def test_an_answer_outlives_every_error_of_the_disk(
    call: str, error: str, mode: str, needs: Callable[[str], None]
) -> None:
    needs("strace")
    inject = ("-f", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    with service() as server:
        done = traced(inject, ("chat", "-n", mode, "kept", "sim:echo paid"), server)
        lines = b"sim:echo 1\nsim:echo 2\n"
        batch = traced(inject, ("batch", "-q", "-j1", mode, "kept"), server, stdin=lines)
    assert (13, b"paid\n") == (done.status, done.stdout), done.stderr_text
    assert (13, ["1"]) == (batch.status, [record["content"] for record in batch.records]), batch.stderr_text
    assert [] == [*Path("kept").iterdir()]
