"""Runs mmpipe as a shell does: real processes with a clean environment, against a simulator, with a time limit."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import IO

from mmpipe.core.host_identity import SIMULATOR_KEY
from mmpipe.simulator.dialects import Dialect
from mmpipe.simulator.faults import parse_fault
from mmpipe.simulator.profile import SimulatorProfile
from mmpipe.simulator.server import RunningSimulator
from support.fork_server import Surroundings, can_fork, run_fork
from support.forked_process import ForkedProcess, forked

KEY = "sk-api-4f2c-not-a-real-one-91ab"
# The key that `mmpipe sim` gives: with it the prices of the catalogue hold.
AS_SIM = {"MINIMAX_API_KEY": SIMULATOR_KEY}
MMPIPE = (sys.executable, "-m", "mmpipe")
# Seconds. A run that takes longer is killed, and its test fails. The longest run takes a tenth on a quiet machine.
LIMIT = 120.0
# Seconds. Less than any wait that would be wrong, more than a busy machine needs to start a process.
AT_ONCE = 20.0

Record = dict[str, object]
Process = subprocess.Popen[bytes] | ForkedProcess


@dataclass(frozen=True)
class Finished:
    """The result of a process: its status (below 0: the signal that ended it), stdout and stderr."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def stderr_text(self) -> str:
        return self.stderr.decode()

    @property
    def record(self) -> Record:
        """The one JSON object that stdout is."""
        (line,) = self.stdout.splitlines()
        return parsed(line)

    @property
    def records(self) -> list[Record]:
        return [parsed(line) for line in self.stdout.splitlines()]


def parsed(line: bytes) -> Record:
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


@contextmanager
def service(
    *faults: str, dialects: Sequence[str] = (), tps: float | None = None
) -> Iterator[RunningSimulator]:
    """The server, with a profile of its own."""
    profile = SimulatorProfile(
        faults=tuple(map(parse_fault, faults)), dialects=frozenset(map(Dialect, dialects)), tps=tps
    )
    with RunningSimulator(profile) as running:
        yield running


def environment(server: RunningSimulator | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a bare shell; HOME and `mmpipe` on the PATH are in the test's own folder."""
    here = Path.cwd()
    pair = {"MINIMAX_BASE_URL": server.base_url, "MINIMAX_API_KEY": KEY} if server else {}
    known = {"PATH": f"{here / 'bin'}:/usr/bin:/bin", "HOME": str(here), "XDG_RUNTIME_DIR": _runtime().name}
    return {**known, **pair, **(more or {})}


@cache
def _runtime() -> tempfile.TemporaryDirectory[str]:
    """The folder in which runs share their limit; the pause of an earlier test, at the same port, is not for this one."""
    return tempfile.TemporaryDirectory()


def put_on_path(folder: Path) -> None:
    """Make `mmpipe` a command, wherever the tests' Python has it from."""
    script = folder / "bin" / "mmpipe"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mmpipe "$@"\n')
    script.chmod(0o755)


def run(
    command: Sequence[str],
    server: RunningSimulator | None = None,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Finished:
    """Run a command to its end; mmpipe runs in a fork, if that makes no difference."""
    variables = environment(server, env)
    if tuple(command[: len(MMPIPE)]) == MMPIPE and can_fork(variables):
        return Finished(*run_fork(command[len(MMPIPE) :], variables, stdin, pass_fds, LIMIT))
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        env=variables,
        pass_fds=pass_fds,
        timeout=LIMIT,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def mmpipe(
    *arguments: str,
    server: RunningSimulator | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Finished:
    return run((*MMPIPE, *arguments), server, stdin=stdin, env=env, pass_fds=pass_fds)


def traced(
    options: Sequence[str],
    arguments: Sequence[str],
    server: RunningSimulator | None = None,
    *,
    stdin: bytes = b"",
    stdout: str = "",
) -> Finished:
    """Run mmpipe under strace from its first line on, which writes the file `trace`; `stdout` may be a file."""
    within = Surroundings(strace=("-o", "trace", *options), stdout=stdout)
    return Finished(*run_fork(arguments, environment(server), stdin, (), LIMIT, within))


def limited(
    limits: Mapping[str, int],
    arguments: Sequence[str],
    server: RunningSimulator | None = None,
    *,
    stdin: bytes = b"",
) -> Finished:
    """Run mmpipe within limits of the kernel, by their names and in its units: `{"FSIZE": 512}`."""
    within = Surroundings(limits=limits)
    return Finished(*run_fork(arguments, environment(server), stdin, (), LIMIT, within))


def shell(
    script: str,
    server: RunningSimulator | None = None,
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    program: str = "sh",
) -> Finished:
    """A script in which `mmpipe` is a command."""
    return run((program, "-c", script), server, stdin=stdin, env=env)


@contextmanager
def started(
    command: Sequence[str],
    server: RunningSimulator | None = None,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """A process in a group of its own, to be watched while it runs; killed with its group when the test is over."""
    variables = environment(server, env)
    starting: AbstractContextManager[Process]
    if tuple(command[: len(MMPIPE)]) == MMPIPE and can_fork(variables):
        starting = forked(command[len(MMPIPE) :], variables, stdin, stdout, stderr)
    else:
        starting = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=variables,
            start_new_session=True,
            # Without a buffer no read takes bytes that the next one needs.
            bufsize=0,
        )
    with starting as process:
        watchdog = threading.Timer(LIMIT, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            if process.poll() is None:
                os.killpg(process.pid, 9)


def finished(process: Process) -> Finished:
    stdout, stderr = process.communicate(timeout=LIMIT)
    return Finished(process.wait(), stdout or b"", stderr or b"")


def read_until(stream: IO[bytes] | FileIO | None, words: bytes) -> bytes:
    """Read up to and with the line that holds the words; the process is killed if the line never comes."""
    assert stream is not None
    read = b""
    while words not in read:
        line = stream.readline()
        assert line, f"{words!r} never came, only {read!r}"
        read += line
    return read


def eventually(happens: Callable[[], object], what: str) -> None:
    """Wait until it happens; fail if it never does."""
    deadline = time.monotonic() + LIMIT / 2
    while not happens():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir())


def bodies(server: RunningSimulator) -> list[Record]:
    """The bodies of the requests that came."""
    found = [request["body"] for request in server.requests]
    assert all(isinstance(body, dict) for body in found)
    return [body for body in found if isinstance(body, dict)]


def prompts(server: RunningSimulator) -> list[object]:
    """The last message of each request."""
    return [
        messages[-1]["content"] for body in bodies(server) if isinstance(messages := body["messages"], list)
    ]


def sent_key(server: RunningSimulator) -> str:
    """The key of the first request."""
    first = server.authorizations[0]
    assert first is not None
    return first.removeprefix("Bearer ")


def headers(server: RunningSimulator) -> dict[str, str]:
    """The headers of the first request."""
    found = server.requests[0]["headers"]
    assert isinstance(found, dict)
    return found
