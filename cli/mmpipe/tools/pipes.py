"""Serves the three pipes of one process at once, in bounded memory."""

import os
import selectors
import subprocess
from contextlib import suppress
from typing import IO

_MAX_OUTPUT = 64 * 1024  # bytes of standard output that are kept: more does not help a model
_MAX_ERRORS = 4 * 1024  # bytes of standard error that are kept: the end names the error
_PIECE = 64 * 1024  # bytes


class Pipes:
    """Pipes of `process`: writes `arguments`, keeps the beginning of its output in `output` and the end of its stderr in `errors`.

    `printed` counts the bytes of its output, `total` those of output and stderr.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", arguments: bytes) -> None:
        self.output = self.errors = b""
        self.printed = self.total = 0
        self._arguments = memoryview(arguments)
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._selector = selectors.DefaultSelector()
        self._pidfd = _open_pidfd(process.pid)
        if self._pidfd is not None:
            self._selector.register(self._pidfd, selectors.EVENT_READ)
        for stream in (self._stdin, self._stdout, self._stderr):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                writes = stream is self._stdin
                self._selector.register(stream, selectors.EVENT_WRITE if writes else selectors.EVENT_READ)

    def serve(self, seconds: float) -> bool:
        """Wait at most `seconds`, then read and write; returns True if a pipe was ready."""
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
        """Close every descriptor."""
        self._selector.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        for stream in (self._stdin, self._stdout, self._stderr):
            if stream is not None:
                stream.close()

    def _write(self, stream: IO[bytes]) -> None:
        try:
            self._arguments = self._arguments[os.write(stream.fileno(), self._arguments[:_PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            # A tool need not read its arguments.
            self._arguments = self._arguments[:0]
        if not self._arguments:
            self._close_pipe(stream)

    def _read(self, stream: IO[bytes]) -> None:
        try:
            piece = os.read(stream.fileno(), _PIECE)
        except BlockingIOError:
            return
        self.total += len(piece)
        if stream is self._stdout:
            self.printed += len(piece)
            self.output += piece[: _MAX_OUTPUT - len(self.output)]
        else:
            self.errors = (self.errors + piece)[-_MAX_ERRORS:]
        if not piece:
            self._close_pipe(stream)

    def _close_pipe(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        stream.close()


def _open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends; None where the kernel has none."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None
