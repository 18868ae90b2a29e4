"""Brings a run to a named stage of its work, where a test then sends signals or takes files away."""

import fcntl
import json
import os
import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from support.harness import KEY, MMPIPE, Process, eventually, read_until, service, started
from support.tool_conversations import WEATHER, command, tools_file

Run = Process
OLD = "what was there before"
TO_FILE = ("-o", "folder/answer", "--meta", "meta")


def old_answer() -> Path:
    """The folder of `TO_FILE`, with a file that is to stay as it is."""
    Path("folder").mkdir()
    Path("folder/answer").write_text(OLD)
    return Path("folder")


def waits_for_input() -> Iterator[Run]:
    env = {"MINIMAX_API_KEY": KEY}
    with started((*MMPIPE, "chat", "-v", *TO_FILE, "words"), stdin=subprocess.PIPE, env=env) as run:
        read_until(run.stderr, b"waiting for standard input")
        yield run


def waits_for_the_key() -> Iterator[Run]:
    config = Path(".config/mmpipe/config.toml")
    config.parent.mkdir(parents=True)
    words = json.dumps(["sh", "-c", "echo $$ > pid; exec sleep 40.5"])
    config.write_text(f'base_url = "http://127.0.0.1:9/v1"\napi_key_command = {words}\n')
    with started((*MMPIPE, "stream", "-n", *TO_FILE, "words")) as run:
        eventually(lambda: Path("pid").exists() and Path("pid").read_text().strip(), "the command runs")
        eventually(lambda: is_asleep(run), "mmpipe waits for it")
        yield run


def waits_for_a_connection() -> Iterator[Run]:
    """The server accepts no connection, and its queue is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        env = {"MINIMAX_BASE_URL": address, "MINIMAX_API_KEY": KEY}
        run = stack.enter_context(started((*MMPIPE, "chat", "-n", "-v", *TO_FILE, "words"), env=env))
        read_until(run.stderr, b"ready to connect")
        yield run


def waits_for_the_first_byte() -> Iterator[Run]:
    with service("hang") as server, started((*MMPIPE, "chat", "-n", "-v", *TO_FILE, "hi"), server) as run:
        read_until(run.stderr, b"request sent")
        yield run


def is_in_the_midst_of_the_answer() -> Iterator[Run]:
    arguments = ("stream", "-n", *TO_FILE, "sim:chunks 40")
    with service("hang-mid") as server, started((*MMPIPE, *arguments), server) as run:
        eventually(lambda: any(path.stat().st_size for path in Path("folder").glob(".*")), "a beginning")
        yield run


def waits_for_a_reader() -> Iterator[Run]:
    """Of its standard output, which holds no more."""
    reading, writing = os.pipe()
    try:
        arguments = ("stream", "-n", "--meta", "meta", "sim:length 300000")
        with service() as server, started((*MMPIPE, *arguments), server, stdout=writing) as run:
            eventually(lambda: not select.select([], [writing], [], 0)[1], "a full pipe")
            yield run
    finally:
        os.close(writing)
        os.close(reading)


def waits_for_the_reader_of_a_named_pipe() -> Iterator[Run]:
    os.mkfifo("fifo")
    with service() as server, started((*MMPIPE, "chat", "-n", "-v", "-o", "fifo", "hi"), server) as run:
        read_until(run.stderr, b"asking http")
        yield run


def waits_to_ask_again() -> Iterator[Run]:
    with (
        service("retry-after=30") as server,
        started((*MMPIPE, "chat", "-n", "-v", *TO_FILE, "hi"), server) as run,
    ):
        read_until(run.stderr, b"retrying in 30")
        yield run


def waits_for_a_conversation() -> Iterator[Run]:
    with Path("talk").open("w") as talk:
        fcntl.flock(talk, fcntl.LOCK_EX)
        arguments = ("chat", "-n", "-v", *TO_FILE, "-c", "talk", "hi")
        with service() as server, started((*MMPIPE, *arguments), server) as run:
            read_until(run.stderr, b"waiting for another run")
            yield run


def runs_a_tool() -> Iterator[Run]:
    tool = command("weather", "echo $$ > pid; exec sleep 40.75")
    options = ("--tools", tools_file(), "--run", f"get_weather={tool}")
    with service() as server, started((*MMPIPE, "chat", "-n", *TO_FILE, *options, WEATHER), server) as run:
        eventually(lambda: Path("pid").exists() and Path("pid").read_text().strip(), "the tool runs")
        yield run


def reads_the_lines_of_a_batch() -> Iterator[Run]:
    arguments = ("batch", "-q", "--meta", "meta", "--grace", "0.2")
    with service() as server, started((*MMPIPE, *arguments), server, stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(b"sim:echo 1\n")
        assert run.stdout is not None
        assert run.stdout.readline()
        yield run


def waits_for_the_answers_of_a_batch() -> Iterator[Run]:
    arguments = ("batch", "-q", "--meta", "meta", "--grace", "0.2", "-o", "out.jsonl")
    with service("hang") as server, started((*MMPIPE, *arguments), server, stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(b"sim:echo 1\n")
        eventually(lambda: sockets(run) > 2, "a connection")
        yield run


def waits_for_the_models() -> Iterator[Run]:
    listening = socket.create_server(("127.0.0.1", 0))
    env = {"MINIMAX_BASE_URL": f"http://127.0.0.1:{listening.getsockname()[1]}/v1", "MINIMAX_API_KEY": KEY}
    with listening, started((*MMPIPE, "models", "--live"), env=env) as run:
        connection, _ = listening.accept()
        with connection:
            yield run


STAGES: dict[str, Callable[[], AbstractContextManager[Run]]] = {
    stage.__name__: contextmanager(stage)
    for stage in (
        waits_for_input,
        waits_for_the_key,
        waits_for_a_connection,
        waits_for_the_first_byte,
        is_in_the_midst_of_the_answer,
        waits_for_a_reader,
        waits_for_the_reader_of_a_named_pipe,
        waits_to_ask_again,
        waits_for_a_conversation,
        runs_a_tool,
        reads_the_lines_of_a_batch,
        waits_for_the_answers_of_a_batch,
        waits_for_the_models,
    )
}
"""By name: the run, once it has come there; it is ended with the context."""


def sockets(run: Run) -> int:
    """Return the number of open sockets, as far as they can be seen; asyncio has two for itself."""
    found = 0
    # A descriptor may be closed meanwhile; while a program is being started, no other user may look at it.
    with suppress(PermissionError):
        for entry in Path(f"/proc/{run.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found += entry.readlink().name.startswith("socket:")
    return found


def is_asleep(run: Run) -> bool:
    return ") S " in Path("/proc", str(run.pid), "stat").read_text()


def allowed(wrapping: tuple[str, ...], trial: str) -> tuple[str, ...]:
    """Return the words that put a command into a namespace; skip the test where a trial shows that this is not allowed."""
    tried = subprocess.run((*wrapping, trial), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this is not allowed here: {tried.stderr.strip()}")
    return wrapping


def gone(file: str) -> bool:
    """Return whether the process whose number is in the file has ended; a zombie has."""
    try:
        return ") Z " in Path("/proc", Path(file).read_text().strip(), "stat").read_text()
    except FileNotFoundError:
        return True
