"""The first reading of a regular file, which later readings are held against."""

import os
import stat
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from mmpipe.errors import InputError
from mmpipe.unix.identity import Identity

PIECE: Final = 2**16  # bytes
_DIGEST: Final = 8  # bytes for each piece
# Up to this size a file is read once more even if its stamp is the same: that costs some milliseconds, and a program
# that writes through a memory map leaves no stamp at each write.
_ALWAYS_READ: Final = 2**24  # bytes


class FirstReading:
    """The digests of the pieces that were read, 8 bytes for 64 KiB, up to `end`, which is None until it is known.

    A later reading must find the same pieces. All methods raise InputError for a file that was cut or rewritten.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._salt = os.urandom(blake2b.SALT_SIZE)
        self._digests = bytearray()
        self._start = 0
        self.end: int | None = None
        # When the whole file was last compared with the digests; None for files of the kernel, which may change.
        self._stamp: tuple[int, ...] | None = None
        self.is_over = False

    @property
    def has_begun(self) -> bool:
        """True after the first piece, and after an empty file."""
        return self.is_over or bool(self._digests)

    @property
    def can_change(self) -> bool:
        """True if there is something to compare."""
        return bool(self._digests) and self._stamp is not None

    def read(self, descriptor: int, status: os.stat_result) -> Iterator[bytes]:
        """Yield the pieces, from the position of the descriptor."""
        self._start = at = os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.end is not None:
            self._stamp = take_stamp(status)
        self._digests.clear()
        while piece := self._read(descriptor, at):
            self._digests += self._digest(piece)
            at += len(piece)
            yield piece
        self.is_over, self.end = True, at
        if self._stamp is not None and take_stamp(os.fstat(descriptor)) != self._stamp:
            # Perhaps only appended to.
            for _ in self.repeat(descriptor):
                pass

    def repeat(self, descriptor: int) -> Iterator[bytes]:
        """Yield the same pieces again."""
        status, at = os.fstat(descriptor), self._start
        if not stat.S_ISREG(status.st_mode):
            raise describe_changed(self._name)
        for number in range(0, len(self._digests), _DIGEST):
            piece = self._read(descriptor, at, again=True)
            if self._digest(piece) != self._digests[number : number + _DIGEST]:
                raise describe_changed(self._name)
            at += len(piece)
            yield piece
        if self._stamp is not None:
            self._stamp = take_stamp(status)

    def check(self, descriptor: int) -> None:
        """Read the file again, unless it is large and has the same size and times."""
        status = os.fstat(descriptor)
        if status.st_size <= _ALWAYS_READ or take_stamp(status) != self._stamp:
            for _ in self.repeat(descriptor):
                pass

    def _read(self, descriptor: int, at: int, *, again: bool = False) -> bytes:
        """Return the next piece; the last one may be shorter."""
        wanted = PIECE if self.end is None else min(PIECE, self.end - at)
        piece = bytearray()
        while len(piece) < wanted:
            # To read again must not move the position of redirected input, which other processes may share.
            more = _read(descriptor, wanted - len(piece), self._name, at + len(piece) if again else None)
            if not more:
                break
            piece += more
        if self.end is not None and len(piece) < wanted:
            raise describe_changed(self._name)
        return bytes(piece)

    def _digest(self, piece: bytes) -> bytes:
        return blake2b(piece, digest_size=_DIGEST, salt=self._salt).digest()


def describe_changed(name: str) -> InputError:
    """Return the error for a file that has changed since its first reading."""
    return InputError(f"{name} was cut or rewritten during the run: only what was read before that is asked")


def take_stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return the identity, size and times of a file; a write to the file changes them."""
    return *Identity.of(status), status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(descriptor: int, count: int, name: str, at: int | None) -> bytes:
    try:
        return os.read(descriptor, count) if at is None else os.pread(descriptor, count, at)
    except OSError as error:
        raise InputError.from_os(name, error) from error
