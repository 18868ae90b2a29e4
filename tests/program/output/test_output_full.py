"""On a full disk the status is 13, and a file holds what it held before."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmpipe.main import main
from mmpipe.simulator.server import RunningSimulator
from mmpipe.unix.streams import Input, Output, Streams
from support.full_disk import largest_file
from support.harness import KEY, Finished, parsed, service, traced

pytestmark = pytest.mark.outputs

OLD = b'{"role":"user","content":"name a prime"}\n{"role":"assistant","content":"7"}\n'
TEXT = b"x" * 9999 + b"\n"
ASKED = f"sim:echo {'x' * 9999}"
FULL = "No space left on device"


@pytest.fixture(autouse=True)
def _bare(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # What is loaded while there is no room must not be kept as far as it went.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with service() as server:
        yield server


@contextmanager
def opened(path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def run_with_stderr(
    server: RunningSimulator,
    *arguments: str,
    stdout: str = "stdout",
    stderr: str = "",
    room: int | None = None,
) -> Finished:
    """The command in this process, with room for so many bytes in each file; what it says goes to a pipe."""
    reading, writing = os.pipe()
    flags = os.O_WRONLY | os.O_APPEND
    with (
        opened("/dev/null") as null,
        opened(stdout, flags) as out,
        opened(stderr or "/dev/null", flags) as err,
    ):
        error_descriptor = err if stderr else writing
        streams = Streams(
            Input(null),
            Output(out, "standard output", is_main=True),
            Output(error_descriptor, "standard error"),
        )
        words = [*arguments[:1], "--base-url", server.base_url, *arguments[1:]]
        if room is None:
            status = main(words, streams)
        else:
            with largest_file(room):
                status = main(words, streams)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123  a descriptor has no path
        printed = Path(stdout).read_bytes() if stdout == "stdout" else b""
        return Finished(status, printed, pipe.read())


def left() -> dict[str, bytes]:
    """The files of the folder, but for what the harness needs."""
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


ROOMS = [0, 1, 5000, len(TEXT) - 1]


@pytest.mark.parametrize("room", [*ROOMS, len(TEXT)])
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_an_answer_has_room_as_a_whole_or_the_old_one_stays(
    server: RunningSimulator, command: str, room: int
) -> None:
    Path("answer").write_bytes(OLD)
    done = run_with_stderr(server, command, "-n", "-o", "answer", ASKED, room=room)
    if room == len(TEXT):
        assert (0, b"", {"answer": TEXT, "stdout": b""}) == (done.status, done.stderr, left())
    else:
        assert (13, {"answer": OLD, "stdout": b""}) == (done.status, left())
        assert "mmpipe: output: cannot write to answer: File too large\n" == done.stderr_text


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_standard_output_that_is_full_has_the_beginning_and_no_success(
    server: RunningSimulator, command: str, room: int
) -> None:
    done = run_with_stderr(server, command, "-n", ASKED, room=room)
    assert (13, TEXT[:room]) == (done.status, done.stdout)
    assert "mmpipe: output: cannot write to standard output: File too large\n" == done.stderr_text


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_thinking_that_has_no_room_lets_no_answer_take_the_place_of_the_old_one(
    server: RunningSimulator, command: str, room: int
) -> None:
    Path("answer").write_bytes(OLD)
    prompt = f"sim:think {'x' * 9999}|||short"
    done = run_with_stderr(
        server, command, "-n", "--thinking-file", "thoughts", "-o", "answer", prompt, room=room
    )
    assert (13, {"answer": OLD, "stdout": b"", "thoughts": TEXT[:room]}) == (done.status, left())
    assert "mmpipe: output: cannot write to thoughts: File too large\n" == done.stderr_text


@pytest.mark.parametrize("room", [len(OLD), len(OLD) + 1, len(OLD) + 10_000])
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_conversation_takes_a_turn_as_a_whole_or_stays_as_it_was(
    server: RunningSimulator, command: str, room: int
) -> None:
    Path("talk").write_bytes(OLD)
    done = run_with_stderr(server, command, "-n", "-c", "talk", ASKED, room=room)
    assert (13, TEXT[:room], OLD) == (done.status, done.stdout, Path("talk").read_bytes())


@pytest.mark.parametrize("room", [0, 1, 100])
@pytest.mark.parametrize("command", ["chat", "stream"])
def test_a_line_about_the_answer_that_has_no_room_is_no_success_of_an_answer_that_has(
    server: RunningSimulator, command: str, room: int
) -> None:
    done = run_with_stderr(server, command, "-n", "--meta", "meta", "sim:echo", room=room)
    assert (13, room) == (done.status, len(Path("meta").read_bytes()))


def test_a_failure_keeps_its_status_although_its_line_cannot_be_written(
    server: RunningSimulator,
) -> None:
    done = run_with_stderr(server, "chat", "-n", "--meta", "/dev/full", "-m", "none", "hi")
    assert (9, 1) == (done.status, done.stderr_text.count("\n"))


@pytest.mark.parametrize("room", [0, 1, 500, 3000])
def test_a_batch_writes_whole_lines_until_the_disk_is_full(server: RunningSimulator, room: int) -> None:
    Path("in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(10)))
    done = run_with_stderr(server, "batch", "-q", "in.txt", room=room)
    assert (13, room) == (done.status, len(done.stdout))
    assert [None] * done.stdout.count(b"\n") == [
        parsed(line)["error"] for line in done.stdout.splitlines(keepends=True) if line.endswith(b"\n")
    ]
    assert "mmpipe: output: cannot write to standard output: File too large\n" == done.stderr_text


@pytest.mark.parametrize("room", [0, 1, 500, 3000])
@pytest.mark.parametrize("way", [("-o", "out.jsonl"), ("-k",)])
def test_a_batch_says_how_many_of_its_answers_did_not_come_out(
    server: RunningSimulator, room: int, way: tuple[str, ...]
) -> None:
    Path("in.txt").write_text("".join(f"sim:echo {number}\n" for number in range(10)))
    done = run_with_stderr(server, "batch", "in.txt", *way, room=room)
    summary = re.search(r"(\d+) good.* (\d+) answered but not written", done.stderr_text)
    assert (13, True) == (done.status, summary is not None), done.stderr_text
    good, unwritten = map(int, summary.groups() if summary else ())
    assert 0 < unwritten
    written = done.stdout if way == ("-k",) else Path("out.jsonl").read_bytes()
    assert good == written.count(b"\n")


THINKING = "sim:think thoughts|||answer"
DEVICES: dict[str, tuple[Sequence[str], int]] = {
    # Not -o: were there a mistake, root would lose the device.
    "--meta": (("stream", "-n", "--meta", "/dev/full", "sim:echo x"), 13),
    "--meta of a batch": (("batch", "in.txt", "--meta", "/dev/full"), 13),
    "--thinking-file": (("stream", "-n", "--thinking-file", "/dev/full", THINKING), 13),
    "-c": (("chat", "-n", "-c", "/dev/full", "sim:echo x"), 12),
    "journal": (("batch", "in.txt", "-o", "/dev/full"), 2),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_that_is_full_is_no_success(server: RunningSimulator, name: str) -> None:
    Path("in.txt").write_text("sim:echo x\n")
    arguments, status = DEVICES[name]
    done = run_with_stderr(server, *arguments)
    assert status == done.status
    assert done.stderr_text.splitlines()[-1].startswith("mmpipe: ")


PRINTED = {
    "text": ("chat", "-n", "sim:echo x"),
    "record": ("chat", "-n", "--json", "sim:echo x"),
    "events": ("stream", "-n", "-F", "jsonl", "sim:echo x"),
    "transcript": ("chat", "-n", "-F", "messages", "sim:echo x"),
    "raw": ("stream", "-n", "-F", "raw", "sim:echo x"),
    "lines": ("batch", "-q", "in.txt"),
    "forecast": ("batch", "--dry-run", "in.txt"),
    "models": ("models", "--live"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_nothing_that_is_printed_is_lost_without_a_word(server: RunningSimulator, name: str) -> None:
    Path("in.txt").write_text("sim:echo x\n")
    done = run_with_stderr(server, *PRINTED[name], stdout="/dev/full")
    assert (13, f"mmpipe: output: cannot write to standard output: {FULL}\n") == (
        done.status,
        done.stderr_text,
    )


@pytest.mark.parametrize("name", PRINTED)
def test_a_full_standard_error_does_not_change_the_status(server: RunningSimulator, name: str) -> None:
    Path("in.txt").write_text("sim:echo x\n")
    command, *options = (word for word in PRINTED[name] if word != "-q")
    done = run_with_stderr(server, command, "-v", *options, stderr="/dev/full")
    assert (0, True) == (done.status, len(done.stdout) > 0)


def test_thinking_is_data_on_standard_error_too(server: RunningSimulator) -> None:
    assert 13 == run_with_stderr(server, "stream", "-n", "-t", "split", THINKING, stderr="/dev/full").status


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("answer", "chat -n -o answer hi"),
        ("meta", "stream -n --meta meta hi"),
        ("thoughts", "chat -n --thinking-file thoughts hi"),
        ("talk", "chat -n -c talk hi"),
        ("out.jsonl", "batch -q -o out.jsonl"),
        ("meta", "batch -q --meta meta"),
    ],
)
def test_a_quota_that_is_reported_when_a_file_is_closed_is_an_error_of_output(
    needs: Callable[[str], None], here: Path, file: str, command: str
) -> None:
    """As a file system of the net does it. strace plays the kernel."""
    needs("strace")
    (here / file).touch()
    # The answer is written beside its place, under a name that nobody knows before.
    path = () if file == "answer" else ("-P", str(here / file))
    inject = "inject=close:error=EDQUOT" if path else "inject=fsync:error=EDQUOT"
    options = ("-f", *path, "-e", "trace=close,fsync", "-e", inject)
    with service() as server:
        done = traced(options, command.split(), server, stdin=b"sim:echo 1\n")
    assert (13, f"mmpipe: output: cannot write to {file}: Disk quota exceeded\n") == (
        done.status,
        done.stderr_text,
    )
