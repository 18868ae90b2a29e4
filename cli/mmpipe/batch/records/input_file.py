"""A named input: a regular file is held against its first reading, so that a record that is asked was checked."""

import errno
import os
import select
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mmpipe.batch.records.first_reading import PIECE, FirstReading, describe_changed, take_stamp
from mmpipe.errors import InputError, MmpipeError
from mmpipe.unix.identity import Identity
from mmpipe.unix.streams import STDIN_NAME, Input


class InputFile:
    """A file, a pipe or standard input (`-`), as it was found when the run began.

    A regular file ends where it ended then: bytes appended later, perhaps by a reader of our output, are not input.
    If an earlier run has checked it (`is_known`), nobody may have written to it when it is opened.
    At the end of the run `check_unchanged` looks for the same pieces under the same name, or in redirected input.
    """

    def __init__(self, path: str, stdin: Input) -> None:
        self.path = path
        self._stdin = stdin
        self._reading = FirstReading(self.name)
        self.is_known = False
        self.found: os.stat_result | None = None
        # Opening the file later reports what is wrong with it.
        with suppress(OSError, ValueError):
            self._find(self._status())

    @property
    def name(self) -> str:
        """The name in sentences."""
        return STDIN_NAME if self.path == "-" else self.path

    def contents(self) -> Iterator[bytes]:
        """The bytes as soon as they are there; raises InputError, also if a regular file was cut or rewritten."""
        with self._open() as descriptor:
            status = os.fstat(descriptor)
            if self.is_known and (self.found is None or take_stamp(status) != take_stamp(self.found)):
                raise describe_changed(self.name)
            if self._reading.is_over:
                yield from self._reading.repeat(descriptor)
            elif stat.S_ISREG(status.st_mode):
                if self.found is None or not os.path.samestat(self.found, status):
                    # Another file has taken the name before anything was read.
                    self._find(status)
                yield from self._reading.read(descriptor, status)
            else:
                yield from _arriving(descriptor, self.name)

    def check_unchanged(self) -> None:
        """Raise InputError if a regular file no longer begins with what was read of it, or may not be read any more.

        A file that was removed is as it was. It is not read again if it is large and has the same size and times.
        """
        if not self._reading.can_change:
            return
        try:
            self._status()
        except OSError:
            return
        with self._open() as descriptor:
            self._reading.check(descriptor)

    def _status(self) -> os.stat_result:
        return os.fstat(self._stdin.descriptor) if self.path == "-" else Path(self.path).stat()

    def _find(self, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            self.found = status
            # Files of the kernel have content although their size is 0.
            self._reading.end = status.st_size or None

    @contextmanager
    def _open(self) -> Iterator[int]:
        if self.path == "-":
            yield self._stdin.descriptor
            return
        try:
            # A pipe in place of the file that was read must not block.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK * self._reading.has_begun
            descriptor = os.open(self.path, flags)
        except OSError as error:
            raise InputError.from_os(self.path, error) from error
        except ValueError as error:
            raise InputError(f"cannot read {self.path!r}: {error}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def find_files(paths: Sequence[str], stdin: Input) -> Sequence[InputFile]:
    """The inputs with their present ends; `-`, or no path at all, is standard input."""
    return [InputFile(path, stdin) for path in paths or ("-",)]


def describe_repeated(files: Sequence[InputFile]) -> Iterator[str]:
    """Yield a sentence about each regular file that is given again, under whatever name."""
    names = dict[Identity, str]()
    for file in files:
        if file.found is None:
            continue
        identity = Identity.of(file.found)
        if (first := names.get(identity)) is None:
            names[identity] = file.name
        else:
            other = "" if first == file.name else f", also as {first}"
            yield f"{file.name} is given twice{other}: each of its records comes twice"


@contextmanager
def expect_unchanged(files: Sequence[InputFile], warn: Callable[[str], None]) -> Iterator[None]:
    """A context in which files are asked; raises InputError at its end if one was cut or rewritten meanwhile.

    After another error this is a warning. A signal ends the run at once.
    """
    try:
        yield
    except InputError:
        raise
    except MmpipeError:
        for file in files:
            try:
                file.check_unchanged()
            except InputError as changed:
                warn(changed.message)
        raise
    for file in files:
        file.check_unchanged()


def _arriving(descriptor: int, name: str) -> Iterator[bytes]:
    """The bytes as soon as they arrive: a buffered reader would wait for more."""
    while True:
        try:
            content = os.read(descriptor, PIECE)
        except BlockingIOError:
            # Another process sharing the descriptor made it non-blocking. select fails with a thousand open files.
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            waiting.poll()
            continue
        except OSError as error:
            if error.errno == errno.EIO and os.isatty(descriptor):
                # A background job may not read from its terminal.
                return
            raise InputError.from_os(name, error) from error
        if not content:
            return
        yield content
