"""Sets up third-party programs in a temporary folder, and runs them on free ports of the loopback until they are not needed."""

import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LIMIT = 300.0  # seconds until a server must listen


class Unavailable(Exception):
    """A program that cannot be installed or started here; the text is the reason."""


def make_environment(folder: Path, *packages: str) -> Path:
    """Return the bin folder of a virtual environment with these packages from the registry. Raises Unavailable."""
    if not (folder / "bin").is_dir():
        venv.create(folder, with_pip=True)
        install(folder / "bin" / "python", "-m", "pip", "install", "-q", *packages)
    return folder / "bin"


def make_node_modules(folder: Path, *packages: str) -> Path:
    """Return the bin folder of npm packages. Raises Unavailable."""
    if not (folder / "node_modules").is_dir():
        folder.mkdir(exist_ok=True)
        install(
            find_program("npm"),
            "install",
            "--silent",
            "--no-fund",
            "--no-audit",
            "--prefix",
            str(folder),
            *packages,
        )
    return folder / "node_modules" / ".bin"


def install(*command: str | Path) -> None:
    """Run an installer with low priority. Raises Unavailable with the last words of its complaint."""
    done = subprocess.run(["nice", *command], capture_output=True, text=True, check=False, timeout=1200)
    if done.returncode:
        raise Unavailable((done.stderr.strip().splitlines() or ["no reason given"])[-1])


def find_program(name: str) -> str:
    """Return the path of a program of the system. Raises Unavailable."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed")
    return found


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


@contextmanager
def started(
    command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run the command while the context lasts; it is entered once the port is open. Raises Unavailable."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(env or {})}
        )
    try:
        wait_for_port(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the port is open. Raises Unavailable if the process ends before, or never opens it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    last = (log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"])[-1]
    raise Unavailable(f"it did not start: {last[:200]}")


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[int]:
    """Run `mmpipe sim` with these options; yields its port."""
    port = find_free_port()
    command = (sys.executable, "-m", "mmpipe", "sim", "--port", str(port), *options)
    with started(command, port, folder / "sim.log"):
        yield port
