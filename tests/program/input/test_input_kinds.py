"""Standard input may be anything that has a descriptor: each kind is read to its end, or refused; none hangs or lies."""

import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from mmpipe.errors import ExitStatus
from support.harness import MMPIPE, eventually, finished, prompts, service, shell, started
from support.in_process import run_in_process

pytestmark = pytest.mark.inputs

TEXT = "sim:echo heard"
COMMANDS = ("chat", "stream", "batch")
LONG = "x" * 256  # a name may have 255
LATE = 0.3  # seconds; nothing depends on what comes first
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST

Kind = Callable[[], AbstractContextManager[int]]


@contextmanager
def later(act: Callable[[], object]) -> Iterator[None]:
    timer = Timer(LATE, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def opened(path: str, how: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path, how | os.O_NOCTTY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def file_at_an_offset() -> Iterator[int]:
    Path("file").write_text(f"not this\n{TEXT}\n")
    with opened("file") as descriptor:
        os.read(descriptor, len("not this\n"))
        yield descriptor


@contextmanager
def slow_pipe() -> Iterator[int]:
    """Another program has made it non-blocking, and the text comes in two pieces."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "wb", buffering=0) as writer:

        def end() -> None:
            writer.write(f"{TEXT[7:]}\n".encode())
            writer.close()

        writer.write(TEXT[:7].encode())
        with later(end):
            yield reading
    os.close(reading)


@contextmanager
def fifo(text: bytes) -> Iterator[int]:
    """Its writer comes late, and leaves again."""
    os.mkfifo("fifo")
    with later(lambda: Path("fifo").write_bytes(text)), opened("fifo") as descriptor:
        yield descriptor


@contextmanager
def peer(text: bytes) -> Iterator[int]:
    ours, theirs = socket.socketpair()

    def leave() -> None:
        with theirs:
            theirs.sendall(text)

    with ours, later(leave):
        yield ours.fileno()


@contextmanager
def reset_connection() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
        theirs.sendall(TEXT.encode())
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        with ours, later(theirs.close):
            yield ours.fileno()


@contextmanager
def terminal(typed: bytes, leaves: bool = False) -> Iterator[int]:
    """Somebody types, and may be gone before the end of it is typed."""
    keys, slave = os.openpty()
    os.write(keys, typed)
    with os.fdopen(keys, "wb") as end, later(end.close if leaves else lambda: None):
        yield slave
    os.close(slave)


def wait_until_it_stands_still(pid: int) -> None:
    """Until it has used no processor for a while, since it waits for somebody."""
    used: list[list[str]] = []

    def is_still() -> bool:
        # Behind the name, which may hold spaces: the times of user and system.
        used.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
        return len(used) > 10 and used[-1] == used[-11]

    eventually(is_still, "it waits")


HEARD: dict[str, Kind] = {
    "a file at an offset": file_at_an_offset,
    "a slow pipe that does not block": slow_pipe,
    "a FIFO": lambda: fifo(f"{TEXT}\n".encode()),
    "a socket": lambda: peer(f"{TEXT}\n".encode()),
    "a terminal": lambda: terminal(f"{TEXT}\n\4".encode()),
}
EMPTY: dict[str, Kind] = {
    "/dev/null": lambda: opened("/dev/null"),
    "a FIFO whose writer writes nothing": lambda: fifo(b""),
    "a socket whose peer says nothing": lambda: peer(b""),
    "a terminal whose user has nothing to say": lambda: terminal(b"\4"),
}
UNREADABLE: dict[str, Kind] = {
    "a folder": lambda: opened("."),
    "a file to write to": lambda: opened("file", os.O_WRONLY | os.O_CREAT),
    "a connection that is reset": reset_connection,
    "memory that is not there": lambda: opened("/proc/self/mem"),
    "a terminal that goes away": lambda: terminal(TEXT.encode(), leaves=True),
}


@pytest.mark.parametrize("kind", HEARD)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_kind_of_readable_input_is_read_to_its_end(command: str, kind: str) -> None:
    with service() as server, HEARD[kind]() as descriptor:
        done = run_in_process(command, "-", server=server, stdin=descriptor)
        assert ExitStatus.OK == done.status, done.stderr_text
        assert [TEXT] == [str(prompt).strip() for prompt in prompts(server)]
    assert b"heard" in done.stdout


@pytest.mark.parametrize("kind", EMPTY)
def test_empty_input_sends_no_request(kind: str) -> None:
    with service() as server:
        # Beside its summary, a batch warns that there are no records.
        expected = {"chat": (ExitStatus.INPUT, 1), "stream": (ExitStatus.INPUT, 1), "batch": (0, 2)}
        for command, (status, lines) in expected.items():
            with EMPTY[kind]() as descriptor:
                done = run_in_process(command, "-", server=server, stdin=descriptor)
            Path("fifo").unlink(missing_ok=True)
            assert (status, b"", lines) == (done.status, done.stdout, done.stderr_text.count("\n")), command
        assert [] == server.requests


@pytest.mark.parametrize(
    ("command", "kind"),
    [(command, kind) for command in COMMANDS for kind in UNREADABLE],
)
def test_unreadable_input_is_an_error_and_no_part_of_it_is_sent(command: str, kind: str) -> None:
    with service() as server, UNREADABLE[kind]() as descriptor:
        done = run_in_process(command, "-", "-q", server=server, stdin=descriptor)
        assert (ExitStatus.INPUT, b"", []) == (done.status, done.stdout, server.requests)
    (line,) = done.stderr_text.splitlines()
    assert "cannot read standard input: " in line


@pytest.mark.parametrize("place", ["-f", "--system-file", "--messages", "--schema", "--tools", "batch"])
def test_a_file_that_cannot_be_read_is_named(place: str) -> None:
    Path("file").write_text("hi\n")
    with service() as server:
        for path in (".", "/proc/self/mem", "nowhere", "file/below", LONG):
            command = ("batch", path) if place == "batch" else ("chat", "-n", place, path, "hi")
            done = run_in_process(*command, "-q", server=server)
            assert (ExitStatus.INPUT, b"") == (done.status, done.stdout), path
            (line,) = done.stderr_text.splitlines()
            assert f"cannot read {path}: " in line
        assert [] == server.requests


@pytest.mark.parametrize("option", ["-f", "--system-file", "--schema", "--api-key-file"])
def test_a_file_that_is_the_output_of_a_program_is_read(option: str) -> None:
    contents = {"-f": TEXT, "--system-file": "brief", "--schema": "{}", "--api-key-file": "k"}
    with service() as server:
        os.mkfifo("fifo")
        with later(lambda: Path("fifo").write_text(contents[option])):
            options = ("--base-url", server.base_url, option, "fifo", "-m", "MiniMax-M3")
            done = run_in_process("chat", "-n", *options, "sim:echo {}", server=server)
        assert (ExitStatus.OK, 1) == (done.status, len(server.requests)), done.stderr_text


@pytest.mark.parametrize("command", ["stream", "batch"])
def test_closed_standard_input_is_none(command: str) -> None:
    with service() as server:
        done = shell(f"mmpipe {command} <&-", server)
        assert ({"stream": ExitStatus.INPUT, "batch": 0}[command], []) == (done.status, server.requests)
    # A batch has its summary too.
    assert (b"", {"stream": 1, "batch": 2}[command]) == (done.stdout, done.stderr_text.count("\n"))


def test_a_pipe_without_anything_is_no_transcript() -> None:
    with service() as server:
        done = shell("mmpipe chat --messages - hi <&-", server)
        assert (ExitStatus.INPUT, b"", []) == (done.status, done.stdout, server.requests)
    assert "there is no message in it" in done.stderr_text


@pytest.mark.parametrize(
    "arguments", [("chat", "-n", "-f", "fifo"), ("batch", "fifo")], ids=["chat", "batch"]
)
def test_a_writer_that_never_comes_is_waited_for_until_a_signal(
    arguments: tuple[str, ...],
) -> None:
    os.mkfifo("fifo")
    with service() as server, started((*MMPIPE, *arguments), server) as process:
        wait_until_it_stands_still(process.pid)
        process.send_signal(signal.SIGTERM)
        done = finished(process)
        assert (-signal.SIGTERM, b"", []) == (done.status, done.stdout, server.requests)
    assert "Traceback" not in done.stderr_text
