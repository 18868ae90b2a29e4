"""Runs the command of one tool, never by a shell: within limits, without our secrets, and to its end."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from mmpipe.errors import ToolError
from mmpipe.tools.pipes import Pipes
from mmpipe.tools.process_count import ProcessCounter
from mmpipe.tools.sandbox import Sandbox

T = TypeVar("T")

_TICK = 0.02  # seconds between two looks at the clock and at whether we gave up
_LOOKS = 0.1  # seconds between two looks of the main thread
_MIB = 1024 * 1024
_NOISE = 64 * _MIB  # bytes printed; whoever prints more does not come to an end
_LONGEST = 10**9  # seconds; the system takes no number above all bounds
_FAMILY = 256  # processes
# DATA and not AS, since node and java reserve far more addresses than they ever use.
_LIMITS: Final = {"CORE": 0, "FSIZE": 1024 * _MIB, "DATA": 4096 * _MIB, "NOFILE": 1024}


@dataclass(frozen=True, slots=True)
class Containment:
    """The walls around a tool: its environment, its folder (None: the current one), its time, and a sandbox if there is one."""

    environment: Mapping[str, str] = field(repr=False)
    folder: str | None
    timeout: float
    sandbox: Sandbox | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a command: `signal` is the one that ended it, `killed` what it did that we ended it.

    `output` is the beginning of its standard output, `printed` the size of it all, `errors` the end of its standard error.
    In a sandbox a signal shows as a status of 128 and more.
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
    def is_cut(self) -> bool:
        """Whether it printed more than is kept."""
        return self.printed > len(self.output)


@dataclass(frozen=True, slots=True)
class _Watch:
    """How long a process may go on that began at `start`."""

    start: float
    timeout: float
    given_up: threading.Event

    def objection(self) -> str | None:
        """Why it is to end now, if it is."""
        if self.given_up.is_set():
            return "was given up"
        if time.monotonic() > self.start + self.timeout:
            return f"ran longer than {self.timeout:g} s"
        return None


def run_contained(
    argv: Sequence[str], arguments: bytes, containment: Containment, given_up: threading.Event
) -> Execution:
    """Run `argv` with `arguments` as its standard input, until it ends, goes too far, or `given_up` is set.

    The processes that it leaves in its group end with it; in a sandbox, all of them. Raises ToolError if nothing can be
    started; a command that is not there is an execution with status 126 or 127.
    """
    start = time.monotonic()
    with _started(argv, containment) as process:
        pipes = Pipes(process, arguments)
        try:
            killed = _watch(process, pipes, _Watch(start, containment.timeout, given_up))
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


def side_by_side(
    tasks: Sequence[Callable[[threading.Event], T]], jobs: int, look: Callable[[], None]
) -> list[T]:
    """What the tasks return, in their order; at most `jobs` of them run at once, in threads.

    Meanwhile `look` is called some times a second, by the thread that waits. Whatever is raised there or by a task sets the
    event that each task is given, and goes on once all of them have ended.
    """
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    given_up = threading.Event()
    with _ahead_of_all(), ThreadPoolExecutor(jobs) as pool:
        futures = []
        try:
            futures += [pool.submit(task, given_up) for task in tasks]
            while not all(future.done() for future in futures):
                look()
                for future in wait(futures, _LOOKS, FIRST_EXCEPTION).done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _ahead_of_all() -> Iterator[None]:
    """Let this thread and those that it starts run before whoever else wants to, where that is allowed, as it is to root.

    No limit on their number binds the processes of root. Thousands that want to run would keep us from ending them.
    """
    if sys.platform != "linux":
        yield
        return
    policy, how = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, policy, how)


@contextmanager
def _started(argv: Sequence[str], containment: Containment) -> Iterator["subprocess.Popen[bytes]"]:
    """The command, in a session and group of its own; both are gone afterwards."""
    limits = {"CPU": _cpu_limit(containment.timeout), **_LIMITS}
    sandbox = containment.sandbox
    inner = argv if sandbox is None else sandbox.argv(argv, containment.folder)
    launcher = str(Path(__file__).with_name("launcher.py"))
    words = [f"{name}={number}" for name, number in limits.items()]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher, str(os.getpid()), *words, "--", *inner],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # bwrap is told where to go; it could not start in a folder that only the sandbox has.
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


def _cpu_limit(timeout: float) -> int:
    """Seconds that no process gets beyond its time, though it keeps every processor busy; it also ends what has left the group."""
    return min((math.ceil(timeout) + 1) * (os.cpu_count() or 1), _LONGEST)


def _watch(process: "subprocess.Popen[bytes]", pipes: Pipes, watch: _Watch) -> str | None:
    """Serve the pipes until the process ends by itself (None), or is to be ended; says why."""
    census = ProcessCounter(process.pid, _FAMILY)
    while not _has_ended(process):
        pipes.serve(_TICK)
        if objection := watch.objection():
            return objection
        if pipes.noise > _NOISE:
            return f"printed more than {_NOISE // _MIB} MiB"
        if census.is_over():
            return f"started more than {_FAMILY} processes"
    return None


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it did; where it can be, it is not yet let go, so that its number stays that of its group."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End all that is left of the group; as long as its leader is not let go, its number is not given anew."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _drain(pipes: Pipes) -> None:
    """Read what is left in the pipes, without waiting for those who may still hold them, and no more than is allowed."""
    while pipes.noise <= _NOISE and pipes.serve(0):
        pass
