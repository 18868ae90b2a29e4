"""Runs the command of one tool without a shell, within limits, and without our secrets; ends all its processes."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field
from typing import Final, TypeVar

from mmpipe.dataclass import dataclass
from mmpipe.errors import ToolError
from mmpipe.tools.launch import build_launch
from mmpipe.tools.pipes import Pipes
from mmpipe.tools.process_count import ProcessCounter
from mmpipe.tools.sandbox import Sandbox

T = TypeVar("T")

_TICK = 0.02  # seconds between two checks of the limits of one tool
_CHECK_INTERVAL = 0.1  # seconds between two checks of the main thread
_MIB = 1024 * 1024
_MAX_PRINTED = 64 * _MIB  # bytes; a tool that prints more would not end
_MAX_CPU = 10**9  # seconds; setrlimit rejects numbers that are too large
_MAX_PROCESSES = 256
# DATA and not AS: node and java reserve far more addresses than they use.
_LIMITS: Final = {"CORE": 0, "FSIZE": 1024 * _MIB, "DATA": 4096 * _MIB, "NOFILE": 1024}


@dataclass(frozen=True, slots=True)
class Containment:
    """Limits around a tool: its environment, folder (None: the current one), timeout in seconds, and sandbox (None: none)."""

    environment: Mapping[str, str] = field(repr=False)
    folder: str | None
    timeout: float
    sandbox: Sandbox | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """Result of a command: `signal` is the one that ended it, `killed` the reason why mmpipe killed it.

    `output` is the beginning of its standard output, `printed` the bytes of all of it, `errors` the end of its standard error.
    In a sandbox a signal appears as a status of 128 or more.
    """

    argv: tuple[str, ...]
    status: int | None
    signal: int | None
    output: bytes
    printed: int
    errors: bytes
    killed: str | None
    elapsed_ms: int

    @property
    def is_truncated(self) -> bool:
        """True if the command printed more than `output` holds."""
        return self.printed > len(self.output)


@dataclass(frozen=True, slots=True)
class _EndConditions:
    """Conditions that end a process: `timeout` seconds after `start`, or `cancelled` being set."""

    start: float
    timeout: float
    cancelled: threading.Event

    def find_reason_to_end(self) -> str | None:
        """Return the reason to end the process now, or None."""
        if self.cancelled.is_set():
            return "was cancelled"
        if time.monotonic() > self.start + self.timeout:
            return f"ran longer than {self.timeout:g} s"
        return None


def run_contained(
    argv: Sequence[str], arguments: bytes, containment: Containment, cancelled: threading.Event
) -> Execution:
    """Run `argv` with `arguments` as its standard input, until it ends, exceeds a limit, or `cancelled` is set.

    Afterwards its process group is killed; in a sandbox, all its processes. Raises ToolError if no process can be
    started. A missing command is an execution with status 126 or 127, as in a shell.

    Call this outside the main thread, as `run_side_by_side` does. In the main thread a signal handler may raise an
    exception after a file is opened and before it is closed.
    """
    start = time.monotonic()
    with _start(argv, containment) as process:
        pipes = Pipes(process, arguments)
        try:
            killed = _watch(process, pipes, _EndConditions(start, containment.timeout, cancelled))
            _kill_group(process)
            status = process.wait()
            _drain(pipes)
        finally:
            pipes.close()
    return Execution(
        tuple(argv),
        status if status >= 0 else None,
        -status if status < 0 else None,
        pipes.output,
        pipes.printed,
        pipes.errors,
        killed,
        round((time.monotonic() - start) * 1000),
    )


def run_side_by_side(
    tasks: Sequence[Callable[[threading.Event], T]], jobs: int, check: Callable[[], None]
) -> list[T]:
    """Return the results of the tasks, in order; at most `jobs` run at once, in threads.

    The waiting thread calls `check` several times a second. An exception of `check` or of a task sets the event that
    every task has, and is raised again once all tasks have ended.
    """
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    cancelled = threading.Event()
    with _raise_priority(), ThreadPoolExecutor(jobs) as pool:
        futures = []
        try:
            futures += [pool.submit(task, cancelled) for task in tasks]
            while not all(future.done() for future in futures):
                check()
                for future in wait(futures, _CHECK_INTERVAL, FIRST_EXCEPTION).done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _raise_priority() -> Iterator[None]:
    """Run this thread and its new threads before all others, where permitted (for root).

    The limit on processes does not bind root, and thousands of running processes would keep us from killing them.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, policy, parameters)


@contextmanager
def _start(argv: Sequence[str], containment: Containment) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the command in its own session and group; on exit, kill the group."""
    limits = {"CPU": _compute_cpu_limit(containment.timeout), **_LIMITS}
    sandbox = containment.sandbox
    inner = argv if sandbox is None else sandbox.wrap(argv, containment.folder)
    words = [f"{name}={number}" for name, number in limits.items()]
    words += [] if sandbox is None else sandbox.preparations
    try:
        process = subprocess.Popen(
            build_launch(words, inner),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # bwrap changes the folder itself: this one may exist only in the sandbox.
            cwd=containment.folder if sandbox is None else None,
            env=containment.environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolError(f"cannot start a tool: {getattr(error, 'strerror', None) or error}") from error
    try:
        yield process
    finally:
        if process.returncode is None:
            _kill_group(process)
            process.wait()


def _compute_cpu_limit(timeout: float) -> int:
    """Return a limit in CPU seconds that no process reaches within `timeout`; it also ends processes that left the group."""
    return min((math.ceil(timeout) + 1) * (os.cpu_count() or 1), _MAX_CPU)


def _watch(process: "subprocess.Popen[bytes]", pipes: Pipes, conditions: _EndConditions) -> str | None:
    """Serve the pipes until the process ends (returns None) or must be killed (returns the reason)."""
    counter = ProcessCounter(process.pid, _MAX_PROCESSES)
    while not _has_ended(process):
        pipes.serve(_TICK)
        if reason := conditions.find_reason_to_end():
            return reason
        if pipes.total > _MAX_PRINTED:
            return f"printed more than {_MAX_PRINTED // _MIB} MiB"
        if counter.is_over_limit():
            return f"started more than {_MAX_PROCESSES} processes"
    return None


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Return True if the process has ended; if possible, do not reap it yet, so that its number stays taken."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the rest of the group; its number stays taken until the leader is reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _drain(pipes: Pipes) -> None:
    """Read the rest of the pipes, up to the limit, without waiting for other processes that hold them open."""
    while pipes.total <= _MAX_PRINTED and pipes.serve(0):
        pass
