"""Standard streams as bytes: every byte is written, and a closed pipe is not the error of a full disk."""

import errno
import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from mmpipe.dataclass import dataclass
from mmpipe.errors import OutputError, PipeClosed
from mmpipe.text.visible import one_line, visible
from mmpipe.unix.waiting import wait_until_ready

STDIN_NAME = "standard input"  # in messages


@dataclass(slots=True, eq=False, weakref_slot=True)
class Output:
    """Descriptor to write to; errors use `name`, and `written` counts the bytes.

    If the reader of standard output (`is_main`) goes away, it has read enough; elsewhere data is lost.
    """

    descriptor: int
    name: str
    is_terminal: bool = False
    is_main: bool = False
    written: int = 0

    def write(self, data: bytes) -> None:
        """Write all of `data`; on a terminal every control character but newline and tab is made visible.

        Raises PipeClosed if the reader of standard output is gone, OutputError for any other error.
        """
        if self.is_terminal:
            data = visible(data.decode(errors="replace")).encode(errors="replace")
        self.write_as_is(data)

    def draw(self, text: str) -> None:
        """Write text with control sequences of our own; foreign text in it must be visible already. Raises as `write` does."""
        self.write_as_is(text.encode(errors="replace"))

    def close(self) -> None:
        """Close the descriptor; raises OutputError, since some file systems report a full quota only now."""
        try:
            os.close(self.descriptor)
        except OSError as error:
            raise OutputError.from_os(self.name, error) from error

    def write_as_is(self, data: bytes) -> None:
        """Write in as many system calls as the kernel needs; for a terminal `data` must be visible. Raises as `write` does."""
        left: bytes | memoryview = data
        while left:
            try:
                taken = os.write(self.descriptor, left)
                self.written += taken
                if taken == len(left):
                    return
                left = memoryview(left)[taken:]
            except BlockingIOError:
                # Another process that shares the descriptor made it non-blocking.
                self._wait_to_write()
            except OSError as error:
                raise self._translate(error) from error

    def check_reader(self) -> None:
        """Raise PipeClosed if the output is a pipe without a reader.

        A write would notice too, but there is nothing to write while the model thinks.
        """
        # For a closed descriptor a write has the better error.
        with suppress(OSError):
            if wait_until_ready(self.descriptor, 0, 0.0) & select.POLLERR:
                raise PipeClosed

    def check_open(self) -> None:
        """Raise OutputError if the descriptor is not writable, before a request costs money."""
        try:
            os.write(self.descriptor, b"")
        except OSError as error:
            raise self._translate(error) from error

    def check_kept(self) -> None:
        """Raise OutputError if the file system refuses what was written: some report a full quota only at a close."""
        if self.written:
            try:
                # The descriptor itself stays open, and is not our own.
                os.close(os.dup(self.descriptor))
            except OSError as error:
                raise self._translate(error) from error

    def sync(self) -> None:
        """Return once a regular file has all bytes on the disk; for anything else at once. Raises OutputError."""
        try:
            if stat.S_ISREG(os.fstat(self.descriptor).st_mode):
                os.fsync(self.descriptor)
        except OSError as error:
            # Files of the kernel look regular, and are on no disk.
            if error.errno != errno.EINVAL:
                raise self._translate(error) from error

    def _wait_to_write(self) -> None:
        try:
            wait_until_ready(self.descriptor, select.POLLOUT, None)
        except OSError as error:
            raise self._translate(error) from error

    def _translate(self, error: OSError) -> Exception:
        if error.errno == errno.EPIPE and self.is_main:
            return PipeClosed()
        if error.errno == errno.EBADF:
            return OutputError(f"{self.name} is closed")
        return OutputError.from_os(self.name, error)


@contextmanager
def sync_at_end(output: Output) -> Iterator[Output]:
    """Sync the output when the context ends, as far as possible after an error. Raises OutputError."""
    try:
        yield output
    except BaseException:
        with suppress(OutputError):
            output.sync()
        raise
    output.sync()


@contextmanager
def close_at_end(output: Output) -> Iterator[Output]:
    """Close the output when the context ends; raises OutputError, unless another error came first."""
    try:
        yield output
    except BaseException:
        with suppress(OutputError):
            output.close()
        raise
    output.close()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Input:
    """Descriptor to read prompts from."""

    descriptor: int
    is_terminal: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """Standard input, output and error of the program."""

    stdin: Input
    stdout: Output
    stderr: Output
    closers: tuple[Callable[[], object], ...] = ()

    def report(self, sentence: str) -> None:
        """Print one line on stderr; errors of stderr are ignored."""
        with suppress(OutputError):
            self.stderr.write(f"mmpipe: {one_line(sentence)}\n".encode(errors="replace"))

    @classmethod
    def real(cls) -> "Streams":
        """Return the streams of the process; each is a terminal or not by itself, never by FORCE_COLOR."""
        return cls(
            Input(0, is_terminal=os.isatty(0)),
            Output(1, "standard output", is_terminal=os.isatty(1), is_main=True),
            Output(2, "standard error", is_terminal=os.isatty(2)),
        )

    @classmethod
    def fake(cls, stdin: bytes = b"", *, terminals: str = "") -> "Streams":
        """Return streams on nameless files for tests; `terminals` names those that count as terminals: "stdout stderr"."""
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
        closers = [weakref.finalize(each, os.close, each.descriptor) for each in (source, stdout, stderr)]
        return cls(source, stdout, stderr, tuple(closers))

    def close(self) -> None:
        """Close fake streams now; otherwise they are closed once nobody has them, which reference cycles can delay."""
        for closer in self.closers:
            closer()

    def captured(self) -> tuple[bytes, bytes]:
        """Return the content of stdout and stderr of fake streams."""
        return _read_all(self.stdout.descriptor), _read_all(self.stderr.descriptor)


def _read_all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
