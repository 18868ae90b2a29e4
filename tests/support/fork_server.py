"""Runs mmpipe in forks of a process that has imported it, since importing is nearly all the time of a short run.

A fork is a whole process, with descriptors, signals, variables, a folder and a status of its own. What a new Python does
before it comes to `main.run` is shown by the runs of `shell`, by those wrapped in another command, and by those with other
variables.
"""

import atexit
import ctypes
import fcntl
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from io import FileIO
from typing import NoReturn

# Python and the libraries read others while they start.
_READ_LATE = ("MINIMAX_", "MMPIPE_", "OPENAI_", "XDG_")
_NAMES_READ_LATE = {"HOME", "PATH", "TERM", "COLUMNS", "http_proxy", "https_proxy"}
_LIBRARIES = (
    "aiohappyeyeballs", "aiohttp.web", "anyio.streams.tls", "encodings.idna", "h11", "httpcore2", "jsonschema_rs", "msgspec",
    "rich.console", "socksio", "tomllib", "truststore", "typer",
)  # fmt: skip
# More descriptors than a run is given, and numbers that none of them has.
_MOST, _HIGH = 32, 960
_C = ctypes.CDLL(None)
_PR_SET_PTRACER = 0x59616D61  # <linux/prctl.h>


@dataclass(frozen=True)
class Surroundings:
    """Limits by name (`FSIZE`) in the kernel's units, the options of strace if it is to trace the run, a file for stdout."""

    limits: Mapping[str, int] = field(default_factory=dict)
    strace: Sequence[str] = ()
    stdout: str = ""


def can_fork(env: Mapping[str, str]) -> bool:
    """Return whether a fork with these variables is like a process that has them from its start."""
    return all(name in _NAMES_READ_LATE or name.startswith(_READ_LATE) for name in env)


def run_fork(
    arguments: Sequence[str],
    env: Mapping[str, str],
    stdin: bytes,
    pass_fds: Sequence[int],
    limit: float,
    within: Surroundings = Surroundings(),
) -> tuple[int, bytes, bytes]:
    """Return the status (below 0: the signal that ended it), stdout and stderr of a run, killed after `limit` seconds."""
    with ExitStack() as stack:
        pipes = [
            tuple(FileIO(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True)) for _ in range(5)
        ]
        (its_stdin, feed), (out, its_out), (err, its_err), (report, its_report), (gate, opener) = pipes
        for pipe in pipes:
            for end in pipe:
                stack.enter_context(end)
        request = {
            "arguments": arguments,
            "env": env,
            "pass_fds": pass_fds,
            "limits": within.limits,
            "is_traced": bool(within.strace),
        }
        to = stack.enter_context(FileIO(within.stdout, "w")) if within.stdout else its_out
        its = (its_report, gate, its_stdin, to, its_err)
        _, _, *streams = [end.fileno() for end in its]
        ask_for_fork(request, its_report.fileno(), gate.fileno(), [*streams, *pass_fds])
        for end in (*its, its_out):
            end.close()
        process = int(report.readline())
        watchdog = threading.Timer(limit, os.kill, (process, signal.SIGKILL))
        # Whatever happens: later the number may be that of another process.
        stack.callback(watchdog.cancel)
        watchdog.start()
        if within.strace:
            stack.enter_context(_traced(process, within.strace))
        opener.close()
        with ThreadPoolExecutor(2) as readers:
            stdout, stderr = readers.submit(out.readall), readers.submit(err.readall)
            with suppress(BrokenPipeError):
                rest = memoryview(stdin)
                while rest:
                    rest = rest[feed.write(rest) :]
            feed.close()
        status = int(report.readline())
        return status, stdout.result(), stderr.result()


@contextmanager
def _traced(process: int, options: Sequence[str]) -> Iterator[None]:
    """Let strace follow the process from now on; it has written its file when this ends."""
    command = ("strace", *options, "-p", str(process))
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        begun = tracer.stderr.readline()
        if b"attached" not in begun:
            # It must not run without a tracer, and a tracer that is still there ends with it.
            os.kill(process, signal.SIGKILL)
            raise AssertionError(f"strace does not trace: {(begun + tracer.stderr.read()).decode()}")
        yield
        tracer.communicate()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_turn = threading.Lock()


def ask_for_fork(request: Mapping[str, object], report: int, gate: int, descriptors: Sequence[int]) -> None:
    """Send the request, in a file, and descriptors: for the reports, for the gate, and those of the run from 0 on.

    The fork reports its number at once and its status at its end, a line each. It runs once the gate is closed.
    """
    here = os.open(".", os.O_RDONLY)
    with tempfile.TemporaryFile() as file, _turn:
        file.write(json.dumps({**request, "umask": _umask()}).encode())
        file.seek(0)
        socket.send_fds(_server(), [b"."], [file.fileno(), here, report, gate, *descriptors])
    os.close(here)


@cache
def _server() -> socket.socket:
    """The way to the server, which ends when nobody holds it."""
    # Not for the server, which this file is: it has no other module of the tests.
    from support.modules import list_modules

    ours, its = socket.socketpair()
    with its:
        # The environment of a bare shell, as far as Python reads it.
        process = subprocess.Popen(
            (sys.executable, __file__, str(its.fileno()), *list_modules()),
            env={"PATH": os.defpath, "HOME": "/"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(its.fileno(),),
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _serve(requests: socket.socket, modules: Sequence[str]) -> NoReturn:
    _import_all(modules)
    # The processes between here and the runs wait for them; nobody waits for the processes between.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1, _MOST)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            _watch(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _import_all(modules: Sequence[str]) -> None:
    """Import mmpipe, which does no work meanwhile, and what its functions import from others; build its commands."""
    from mmpipe.api.http.sdk import import_sdk
    from mmpipe.commands.tree import TREE
    from mmpipe.main import main
    from mmpipe.unix.streams import Streams

    import_sdk()
    for name in (*modules, *_LIBRARIES):
        import_module(name)
    # A command is loaded once in a process.
    for name in TREE.loaders:
        main([name, "--help"], Streams.fake())
    gc.collect()
    gc.freeze()


def _watch(descriptors: Sequence[int]) -> NoReturn:
    """Report the status of the run when it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, here, report, gate, *others = descriptors
    process = os.fork()
    if process == 0:
        _run(request, here, report, gate, others)
    for descriptor in (request, here, gate, *others):
        os.close(descriptor)
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):
        # A run whose tracer did not start is killed, and nobody waits for its status.
        os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(request_file: int, here: int, report: int, gate: int, descriptors: Sequence[int]) -> NoReturn:
    """Become the run: everything that a new process is given is set, and everything else is closed."""
    with open(request_file, "rb") as file:
        request = json.load(file)
    if request.get("is_leader"):
        os.setsid()
    if request.get("is_traced"):
        # Some kernels let a process trace only its children, unless these name another tracer.
        _C.prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1))
    os.write(report, f"{os.getpid()}\n".encode())
    # Until the gate is closed: who is to trace the run does so by now.
    os.read(gate, 1)
    os.fchdir(here)
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _HIGH) for descriptor in descriptors]
    os.closerange(0, _HIGH)
    for descriptor, number in zip(high, (0, 1, 2, *request.get("pass_fds", ())), strict=True):
        os.dup2(descriptor, number)
    os.closerange(_HIGH, max(high) + 1)
    os.umask(request["umask"])
    for name, most in request.get("limits", {}).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    # Python itself sets this one where no other names a locale.
    locale = {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update(request["env"] | locale)
    sys.argv[1:] = request["arguments"]

    from mmpipe.main import run

    run()


if __name__ == "__main__":
    # The folder of this script, which a new process would not search.
    del sys.path[0]
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
