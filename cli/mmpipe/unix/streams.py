"""The standard streams as bytes: every byte is written, and a cut pipe is told apart from a full disk."""

import errno
import os
import select
from contextlib import suppress
from dataclasses import dataclass

from mmpipe.errors import OutputError, PipeClosed
from mmpipe.text.visible import one_line


@dataclass(slots=True, eq=False, weakref_slot=True)
class Output:
    """One descriptor to write to; `name` is how errors call it, `written` the bytes that went out.

    Where `is_main` (standard output), a reader that goes away has what it wanted; elsewhere data is lost.
    """

    descriptor: int
    name: str
    is_terminal: bool = False
    is_main: bool = False
    written: int = 0

    def write(self, data: bytes) -> None:
        """Write all of `data`, however often the kernel takes only a part.

        Raises PipeClosed when the reader of standard output is gone, OutputError for anything else.
        """
        left = memoryview(data)
        while left:
            try:
                taken = os.write(self.descriptor, left)
                self.written += taken
                left = left[taken:]
            except BlockingIOError:
                # Somebody who shares the descriptor made it non-blocking.
                select.select([], [self.descriptor], [])
            except OSError as error:
                raise self._trouble(error) from error

    def check_reader(self) -> None:
        """Raise PipeClosed if this is a pipe that nobody will read from any more.

        A write would find out too, but while a model thinks there is nothing to write.
        """
        poll = select.poll()
        poll.register(self.descriptor, 0)
        if any(happened & select.POLLERR for _, happened in poll.poll(0)):
            raise PipeClosed

    def check_open(self) -> None:
        """Raise OutputError if the descriptor cannot be written to, before anything is paid for."""
        try:
            os.write(self.descriptor, b"")
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> Exception:
        if error.errno == errno.EPIPE and self.is_main:
            return PipeClosed()
        if error.errno == errno.EBADF:
            return OutputError(f"{self.name} is closed")
        return OutputError.from_os(self.name, error)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Input:
    """The descriptor that prompts are read from."""

    descriptor: int
    is_terminal: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the program reads, writes its data, and talks to the user."""

    stdin: Input
    stdout: Output
    stderr: Output

    def say(self, sentence: str) -> None:
        """One line on stderr; a stderr that cannot be written to is no reason to fail."""
        with suppress(OutputError):
            self.stderr.write(f"mmpipe: {one_line(sentence)}\n".encode(errors="replace"))

    @classmethod
    def real(cls) -> "Streams":
        """The process's own streams; each is judged for itself, never by FORCE_COLOR."""
        return cls(
            Input(0, is_terminal=os.isatty(0)),
            Output(1, "standard output", is_terminal=os.isatty(1), is_main=True),
            Output(2, "standard error", is_terminal=os.isatty(2)),
        )

    @classmethod
    def fake(cls, stdin: bytes = b"", *, terminals: str = "") -> "Streams":
        """Streams over nameless files, which are closed with them; `terminals` names those that pass for one, as in "stdout stderr"."""
        import tempfile
        import weakref

        descriptors = {}
        for name in ("stdin", "stdout", "stderr"):
            with tempfile.TemporaryFile() as file:
                descriptors[name] = os.dup(file.fileno())
        os.write(descriptors["stdin"], stdin)
        os.lseek(descriptors["stdin"], 0, os.SEEK_SET)
        source = Input(descriptors["stdin"], is_terminal="stdin" in terminals)
        stdout = Output(
            descriptors["stdout"], "standard output", is_terminal="stdout" in terminals, is_main=True
        )
        stderr = Output(descriptors["stderr"], "standard error", is_terminal="stderr" in terminals)
        for stream in (source, stdout, stderr):
            weakref.finalize(stream, os.close, stream.descriptor)
        return cls(source, stdout, stderr)

    def captured(self) -> tuple[bytes, bytes]:
        """What a fake's stdout and stderr hold."""
        return _contents(self.stdout.descriptor), _contents(self.stderr.descriptor)


def _contents(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
