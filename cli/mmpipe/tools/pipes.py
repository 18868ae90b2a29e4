"""Serves the three pipes of one process at once, with bounded memory, whatever it reads or prints."""

import os
import selectors
import subprocess
from contextlib import suppress
from typing import IO

_OUTPUT = 64 * 1024  # bytes; more of a result helps no model
_ERRORS = 4 * 1024  # bytes; what went wrong stands at the end
_PIECE = 64 * 1024  # bytes


class Pipes:
    """The pipes of `process`: `arguments` go in; `output` is the beginning of what it prints, `errors` the end of its stderr.

    `printed` is how many bytes it printed, `noise` how many of both kinds.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", arguments: bytes) -> None:
        self.output = self.errors = b""
        self.printed = self.noise = 0
        self._arguments = memoryview(arguments)
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._selector = selectors.DefaultSelector()
        self._end = _exit_descriptor(process.pid)
        if self._end is not None:
            self._selector.register(self._end, selectors.EVENT_READ)
        for stream in (self._stdin, self._stdout, self._stderr):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                writes = stream is self._stdin
                self._selector.register(stream, selectors.EVENT_WRITE if writes else selectors.EVENT_READ)

    def serve(self, seconds: float) -> bool:
        """Move what can be moved, after waiting at most so long; returns whether anything was."""
        moved = False
        for key, _ in self._selector.select(seconds):
            stream = key.fileobj
            if stream is self._stdin:
                self._write(self._stdin)
                moved = True
            elif stream is self._stdout or stream is self._stderr:
                self._read(stream)
                moved = True
        return moved

    def close(self) -> None:
        """Let go of every descriptor."""
        self._selector.close()
        if self._end is not None:
            os.close(self._end)
            self._end = None
        for stream in (self._stdin, self._stdout, self._stderr):
            if stream is not None:
                stream.close()

    def _write(self, stream: IO[bytes]) -> None:
        try:
            self._arguments = self._arguments[os.write(stream.fileno(), self._arguments[:_PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # It does not want to read them, as is its right.
            self._arguments = self._arguments[:0]
        if not self._arguments:
            self._drop(stream)

    def _read(self, stream: IO[bytes]) -> None:
        try:
            piece = os.read(stream.fileno(), _PIECE)
        except BlockingIOError:
            return
        self.noise += len(piece)
        if stream is self._stdout:
            self.printed += len(piece)
            self.output += piece[: _OUTPUT - len(self.output)]
        else:
            self.errors = (self.errors + piece)[-_ERRORS:]
        if not piece:
            self._drop(stream)

    def _drop(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        stream.close()


def _exit_descriptor(pid: int) -> int | None:
    """Something that can be waited for together with the pipes, where the kernel has it; the clock does elsewhere."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None
