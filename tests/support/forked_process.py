"""A run in a fork that is watched while it runs, with the face of a process that the tests have started themselves."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import FileIO

from support.fork_server import ask_for_fork


class ForkedProcess:
    """A process in a session of its own. Its parent is the server, which reports the status through a pipe."""

    def __init__(
        self,
        pid: int,
        report: FileIO,
        stdin: FileIO | None,
        stdout: FileIO | None,
        stderr: FileIO | None,
    ) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None
        self._report = report

    def poll(self) -> int | None:
        if self.returncode is None and self._has_report(0):
            self.returncode = int(self._report.readline())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not self._has_report(timeout):
                raise subprocess.TimeoutExpired("mmpipe", timeout or 0)
            self.returncode = int(self._report.readline())
        return self.returncode

    def _has_report(self, timeout: float | None) -> bool:
        # Unlike `select`, it takes descriptors of any number.
        poll = select.poll()
        poll.register(self._report)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Close stdin; return the rest of the output, once the process has ended."""
        if self.stdin is not None:
            self.stdin.close()
        with ThreadPoolExecutor(2) as readers:
            outputs = [readers.submit(out.readall) for out in (self.stdout, self.stderr) if out is not None]
            self.wait(timeout)
        found = iter([output.result() for output in outputs])
        return tuple(b"" if out is None else next(found) for out in (self.stdout, self.stderr))  # type: ignore[return-value]


@contextmanager
def forked(
    arguments: Sequence[str], env: Mapping[str, str], stdin: int, stdout: int, stderr: int
) -> Iterator[ForkedProcess]:
    """Start a run; the streams are descriptors, or PIPE or DEVNULL as for `Popen`. At the end it is waited for."""
    with ExitStack() as stack:

        def pipe() -> tuple[FileIO, FileIO]:
            reading, writing = os.pipe()
            return stack.enter_context(FileIO(reading)), stack.enter_context(FileIO(writing, "w"))

        ours: list[FileIO | None] = []
        its: list[int] = []
        theirs: list[FileIO] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            if wanted == subprocess.PIPE:
                reading, writing = pipe()
                mine, end = (reading, writing) if number else (writing, reading)
            elif wanted == subprocess.DEVNULL:
                mine, end = None, stack.enter_context(FileIO(os.devnull, "r+"))
            else:
                mine, end = None, None
            ours.append(mine)
            if end is not None:
                theirs.append(end)
            its.append(wanted if end is None else end.fileno())
        report, its_report = pipe()
        gate, opener = pipe()
        opener.close()
        request = {"arguments": arguments, "env": env, "is_leader": True}
        ask_for_fork(request, its_report.fileno(), gate.fileno(), its)
        for end in (*theirs, its_report, gate):
            end.close()
        process = ForkedProcess(int(report.readline()), report, *ours)
        try:
            yield process
        finally:
            for mine in ours:
                if mine is not None:
                    mine.close()
            process.wait()
