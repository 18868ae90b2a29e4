"""A named input: a regular file is held against its first reading, so that a record that is asked was checked."""

import errno
import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mmpipe.errors import InputError, UsageError
from mmpipe.unix.streams import STDIN_NAME, Input

_PIECE: Final = 2**16  # bytes
_DIGEST: Final = 8  # bytes for each piece


class InputFile:
    """A file, a pipe or standard input (`-`), as it was found when the run began.

    A regular file ends where it ended then: bytes appended later, perhaps by a reader of our output, are not input.
    Its first reading keeps a digest of each piece, 8 bytes for 64 KiB; later readings must find the same pieces.
    If an earlier run has checked it (`is_known`), nobody may have written to it when it is opened.
    """

    def __init__(self, path: str, stdin: Input) -> None:
        self.path = path
        self.name = STDIN_NAME if path == "-" else path
        self._stdin = stdin
        self._salt = os.urandom(blake2b.SALT_SIZE)
        self._digests = bytearray()
        self._was_read = False
        self.is_known = False
        self.found: os.stat_result | None = None
        self._end: int | None = None
        # Opening the file later reports what is wrong with it.
        with suppress(OSError, ValueError):
            self._find(os.fstat(stdin.descriptor) if path == "-" else Path(path).stat())

    def contents(self) -> Iterator[bytes]:
        """The bytes as soon as they are there; raises InputError, also if a regular file was cut or rewritten."""
        with self._open() as descriptor:
            status = os.fstat(descriptor)
            is_regular = stat.S_ISREG(status.st_mode)
            if self.is_known and (self.found is None or _stamp(status) != _stamp(self.found)):
                raise self._changed()
            if self._was_read:
                if not is_regular:
                    raise self._changed()
                yield from self._same_pieces(descriptor)
            elif is_regular:
                yield from self._first_pieces(descriptor, status)
            else:
                yield from _arriving(descriptor, self.name)

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
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK * self._was_read)
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
        start = at = _position(descriptor)
        checks_end = self._end is not None
        self._digests.clear()
        while piece := self._read(descriptor, at):
            self._digests += self._digest(piece)
            at += len(piece)
            yield piece
        self._was_read, self._end = True, at
        if checks_end and _stamp(os.fstat(descriptor)) != _stamp(status):
            # Perhaps only appended to.
            self._check_again(descriptor, start)

    def _same_pieces(self, descriptor: int) -> Iterator[bytes]:
        at = _position(descriptor)
        for number in range(0, len(self._digests), _DIGEST):
            piece = self._read(descriptor, at)
            if self._digest(piece) != self._digests[number : number + _DIGEST]:
                raise self._changed()
            at += len(piece)
            yield piece

    def _check_again(self, descriptor: int, at: int) -> None:
        os.lseek(descriptor, at, os.SEEK_SET)
        for _ in self._same_pieces(descriptor):
            pass

    def _read(self, descriptor: int, at: int) -> bytes:
        """The next whole piece, or what is left of it up to the end; raises InputError if the file ends before."""
        wanted = _PIECE if self._end is None else min(_PIECE, self._end - at)
        piece = bytearray()
        while len(piece) < wanted and (more := _read(descriptor, wanted - len(piece), self.name)):
            piece += more
        if self._end is not None and len(piece) < wanted:
            raise self._changed()
        return bytes(piece)

    def _digest(self, piece: bytes) -> bytes:
        return blake2b(piece, digest_size=_DIGEST, salt=self._salt).digest()

    def _changed(self) -> InputError:
        return InputError(f"{self.name} was cut or rewritten while the run read it; no more of it is asked")


def find_files(paths: Sequence[str], stdin: Input) -> Sequence[InputFile]:
    """The inputs with their present ends; `-`, or no path at all, is standard input.

    Raises UsageError if standard input is named twice.
    """
    if paths.count("-") > 1:
        raise UsageError("standard input can be read once only: `-` is given more than once")
    return [InputFile(path, stdin) for path in paths or ("-",)]


def _position(descriptor: int) -> int:
    return os.lseek(descriptor, 0, os.SEEK_CUR)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(descriptor: int, count: int, name: str) -> bytes:
    try:
        return os.read(descriptor, count)
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
