"""Runs mmpipe on real terminals, one for each stream, so that the streams can be distinguished."""

import os
import select
import subprocess
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from mmpipe.simulator.server import RunningSimulator
from support.harness import LIMIT, MMPIPE, Finished, finished, started


class Terminal:
    """The program end of a terminal; what is written to it is kept."""

    def __init__(self) -> None:
        self._master, self.slave = os.openpty()
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seen()
        os.close(self._master)

    @property
    def text(self) -> str:
        """What came until now."""
        return bytes(self._seen).decode(errors="replace")

    def type(self, keys: str) -> None:
        """Press keys, which the terminal echoes, or turns into signals."""
        os.write(self._master, keys.encode())

    def seen(self) -> bytes:
        """All that came, once nobody else has the terminal open any more."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1
        self._reader.join(10)
        return bytes(self._seen)

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 65536):
                self._seen += piece
        except OSError:
            # EIO is how a terminal says that the last of its users is gone.
            return


def rest_of(reading: int) -> bytes:
    """All that comes of a pipe or terminal until nobody writes any more."""
    read = bytearray()
    while select.select([reading], [], [], LIMIT)[0]:
        try:
            piece = os.read(reading, 65536)
        except OSError:
            # EIO is how a terminal says that the last of its users is gone.
            break
        if not piece:
            break
        read += piece
    return bytes(read)


def on_terminal(
    *arguments: str,
    server: RunningSimulator | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bool = False,
    stdout: bool = True,
    stderr: bool = True,
) -> Finished:
    """Run mmpipe with a terminal for each stream that is true, and a pipe (or no input) for the others."""
    merged = {"TERM": "xterm-256color", **(env or {})}
    with (
        Terminal() as keys,
        Terminal() as screen,
        Terminal() as messages,
        started(
            (*MMPIPE, *arguments),
            server,
            stdin=keys.slave if stdin else subprocess.DEVNULL,
            stdout=screen.slave if stdout else subprocess.PIPE,
            stderr=messages.slave if stderr else subprocess.PIPE,
            env=merged,
        ) as process,
    ):
        done = finished(process)
        return Finished(
            done.status, screen.seen() if stdout else done.stdout, messages.seen() if stderr else done.stderr
        )
