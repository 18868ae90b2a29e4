"""A named input: a regular file is held against its first reading, so that a record that is asked was checked."""

import errno
import os
import select
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mmpipe.errors import InputError, MmpipeError
from mmpipe.unix.identity import Identity
from mmpipe.unix.streams import STDIN_NAME, Input

_PIECE: Final = 2**16  # bytes
_DIGEST: Final = 8  # bytes for each piece
# Up to this size a file is read once more even if its stamp is the same: that costs some milliseconds, and a program
# that writes through a memory map leaves no stamp at each write.
_ALWAYS_READ: Final = 2**24  # bytes


class InputFile:
    """A file, a pipe or standard input (`-`), as it was found when the run began.

    A regular file ends where it ended then: bytes appended later, perhaps by a reader of our output, are not input.
    Its first reading keeps a digest of each piece, 8 bytes for 64 KiB; later readings must find the same pieces.
    If an earlier run has checked it (`is_known`), nobody may have written to it when it is opened.
    At the end of the run `check_unchanged` looks for the same pieces under the same name, or in redirected input.
    """

    def __init__(self, path: str, stdin: Input) -> None:
        self.path = path
        self.name = STDIN_NAME if path == "-" else path
        self._stdin = stdin
        self._salt = os.urandom(blake2b.SALT_SIZE)
        self._digests = bytearray()
        self._start = 0
        # When the whole file was last compared with the digests; None for files of the kernel, which may change.
        self._stamp: tuple[int, ...] | None = None
        self._was_read = False
        self.is_known = False
        self.found: os.stat_result | None = None
        self._end: int | None = None
        # Opening the file later reports what is wrong with it.
        with suppress(OSError, ValueError):
            self._find(self._status())

    def contents(self) -> Iterator[bytes]:
        """The bytes as soon as they are there; raises InputError, also if a regular file was cut or rewritten."""
        with self._open() as descriptor:
            status = os.fstat(descriptor)
            is_regular = stat.S_ISREG(status.st_mode)
            if self.is_known and (self.found is None or _stamp(status) != _stamp(self.found)):
                raise self._changed()
            if self._was_read:
                yield from self._same_pieces(descriptor)
            elif is_regular:
                yield from self._first_pieces(descriptor, status)
            else:
                yield from _arriving(descriptor, self.name)

    def check_unchanged(self) -> None:
        """Raise InputError if a regular file no longer begins with what was read of it, or may not be read any more.

        A file that was removed is as it was. It is not read again if it is large and has the same size and times.
        """
        if not self._digests or self._stamp is None:
            return
        try:
            self._status()
        except OSError:
            return
        with self._open() as descriptor:
            status = os.fstat(descriptor)
            if status.st_size <= _ALWAYS_READ or _stamp(status) != self._stamp:
                for _ in self._same_pieces(descriptor):
                    pass

    def _status(self) -> os.stat_result:
        return os.fstat(self._stdin.descriptor) if self.path == "-" else Path(self.path).stat()

    def _find(self, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            self.found = status
            # Files of the kernel have content although their size is 0.
            self._end = status.st_size or None

    @contextmanager
    def _open(self) -> Iterator[int]:
        if self.path == "-":
            yield self._stdin.descriptor
            return
        try:
            # A pipe in place of the file that was read must not block.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK * bool(self._was_read or self._digests)
            descriptor = os.open(self.path, flags)
        except OSError as error:
            raise InputError.from_os(self.path, error) from error
        except ValueError as error:
            raise InputError(f"cannot read {self.path!r}: {error}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _first_pieces(self, descriptor: int, status: os.stat_result) -> Iterator[bytes]:
        if self.found is None or not os.path.samestat(self.found, status):
            # Another file has taken the name before anything was read.
            self._find(status)
        self._start = at = _position(descriptor)
        if self._end is not None:
            self._stamp = _stamp(status)
        self._digests.clear()
        while piece := self._read(descriptor, at):
            self._digests += self._digest(piece)
            at += len(piece)
            yield piece
        self._was_read, self._end = True, at
        if self._stamp is not None and _stamp(os.fstat(descriptor)) != self._stamp:
            # Perhaps only appended to.
            for _ in self._same_pieces(descriptor):
                pass

    def _same_pieces(self, descriptor: int) -> Iterator[bytes]:
        status, at = os.fstat(descriptor), self._start
        if not stat.S_ISREG(status.st_mode):
            raise self._changed()
        for number in range(0, len(self._digests), _DIGEST):
            piece = self._read(descriptor, at, again=True)
            if self._digest(piece) != self._digests[number : number + _DIGEST]:
                raise self._changed()
            at += len(piece)
            yield piece
        if self._stamp is not None:
            self._stamp = _stamp(status)

    def _read(self, descriptor: int, at: int, *, again: bool = False) -> bytes:
        """The next whole piece, or what is left of it up to the end; raises InputError if the file ends before."""
        wanted = _PIECE if self._end is None else min(_PIECE, self._end - at)
        piece = bytearray()
        while len(piece) < wanted:
            # To read again must not move the position of redirected input, which other processes may share.
            more = _read(descriptor, wanted - len(piece), self.name, at + len(piece) if again else None)
            if not more:
                break
            piece += more
        if self._end is not None and len(piece) < wanted:
            raise self._changed()
        return bytes(piece)

    def _digest(self, piece: bytes) -> bytes:
        return blake2b(piece, digest_size=_DIGEST, salt=self._salt).digest()

    def _changed(self) -> InputError:
        return InputError(
            f"{self.name} was cut or rewritten during the run: only what was read before that is asked"
        )


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


def _position(descriptor: int) -> int:
    return os.lseek(descriptor, 0, os.SEEK_CUR)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return *Identity.of(status), status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(descriptor: int, count: int, name: str, at: int | None) -> bytes:
    try:
        return os.read(descriptor, count) if at is None else os.pread(descriptor, count, at)
    except OSError as error:
        raise InputError.from_os(name, error) from error


def _arriving(descriptor: int, name: str) -> Iterator[bytes]:
    """The bytes as soon as they arrive: a buffered reader would wait for more."""
    while True:
        try:
            content = os.read(descriptor, _PIECE)
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
