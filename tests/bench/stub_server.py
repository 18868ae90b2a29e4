"""The server, the command, and a look at a running process, shared by the benchmarks of `batch`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

STUB: Final = Path(__file__).with_name("stub.py")
MIB: Final = 2**20


class StubServer:
    """`stub.py` as a process, until the context ends; its counts can be read after that."""

    def __init__(
        self,
        latency: float = 0,
        address: str = "127.0.0.1",
        before: tuple[str, ...] = (),
        answers: tuple[str, ...] = (),
    ) -> None:
        self._latency, self._address, self._before, self._answers = latency, address, before, answers
        self.arrivals: list[float] = []  # of time.monotonic, which all processes of a machine share
        self.cpu = 0.0
        self.connections = 0

    def __enter__(self) -> Self:
        command = (
            *self._before,
            sys.executable,
            str(STUB),
            str(self._latency),
            self._address,
            *self._answers,
        )
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        scheme = "https" if self._answers[2:] else "http"
        self.base_url = f"{scheme}://{self._address}:{int(self._process.stdout.readline())}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        # The stub ends at the end of its input, also if this process is killed.
        seen = json.loads(self._process.communicate()[0])
        self.arrivals, self.connections, self.cpu = seen["arrivals"], seen["connections"], seen["cpu"]

    def refuse(self, seconds: int) -> None:
        """Answer the next request with 429, and this Retry-After."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()

    def batch(self, *arguments: str) -> tuple[str, ...]:
        """The command that asks this server."""
        return (sys.executable, "-m", "mmpipe", "batch", "-q", "--base-url", self.base_url, *arguments)


def environment(folder: str) -> dict[str, str]:
    """The environment of a run: nothing of the user is read; runs with the same folder share their limits."""
    return os.environ | {
        "MINIMAX_API_KEY": "anything",
        "XDG_CONFIG_HOME": folder,
        "XDG_RUNTIME_DIR": folder,
    }


def write_lines(path: Path, line: Callable[[int], str], count: int) -> None:
    """Write an input of `count` lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line(number)}\n" for number in range(count))


def as_text(number: int) -> str:
    return f"prompt {number}"


def as_id(number: int) -> str:
    return f"row-{number:07}"


def as_object(number: int) -> str:
    return json.dumps({"id": as_id(number), "prompt": as_text(number)})


@contextmanager
def running(
    command: tuple[str, ...], folder: str, stdin: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command with its output thrown away; killed if it still runs at the end of the context."""
    with (
        Path(stdin or os.devnull).open("rb") as file,
        subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, env=environment(folder)) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def memory(pid: int, field: str) -> float:
    """MiB in /proc under VmRSS (now) or VmHWM (the most so far); 0 when the process is gone."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    except ProcessLookupError:
        found = None
    return int(found[1]) * 1024 / MIB if found else 0.0
