"""Files under names that mmpipe makes up, beside files of the user: what another hand put there is not followed."""

import os
import stat
from pathlib import Path
from typing import Final

from mmpipe.unix.replacement import open_replacement

# A FIFO without a writer must not block, nor a terminal become that of this process.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PIECE: Final = 1 << 20  # bytes


class UntrustedFile(FileNotFoundError):
    """A file that counts as missing; `strerror` is the reason, such as "it is a symbolic link"."""


def read_trusted(path: str, limit: int) -> bytes:
    """Return the content of a file of at most `limit` bytes. Raises OSError, FileNotFoundError if there is none.

    Raises UntrustedFile for a link, for anything but a regular file, for a longer file, and for a file that belongs
    neither to this user nor to the owner of its folder.
    """
    _check(path, os.lstat(path), limit)
    descriptor = os.open(path, _FLAGS)
    try:
        # The file may be another one by now. It was looked at first, because opening a device may act on it.
        _check(path, os.fstat(descriptor), limit)
        content = bytearray()
        while len(content) <= limit and (piece := os.read(descriptor, min(_PIECE, limit + 1 - len(content)))):
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise _too_long(path, limit)
    return bytes(content)


def replace_trusted(path: str, content: bytes, mode: int) -> None:
    """Write a file atomically; a link under its name is replaced, and never followed. Raises OSError.

    Its bytes are on the disk before its name is; a power cut may leave the file that was there before.
    """
    with (
        open_replacement(path, mode, syncs_name=False) as descriptor,
        os.fdopen(descriptor, "wb", closefd=False) as file,
    ):
        file.write(content)


def _check(path: str, status: os.stat_result, limit: int) -> None:
    """Raise UntrustedFile for a file that is not followed."""
    if stat.S_ISLNK(status.st_mode):
        raise _untrusted(path, "it is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise _untrusted(path, "it is not a regular file")
    # Who owns the folder may replace every file in it, and the user chose the folder.
    if status.st_uid not in (os.geteuid(), Path(path).parent.stat().st_uid):
        raise _untrusted(path, "it belongs to another user")
    if status.st_size > limit:
        raise _too_long(path, limit)


def _too_long(path: str, limit: int) -> UntrustedFile:
    return _untrusted(path, f"it is longer than {limit} bytes")


def _untrusted(path: str, reason: str) -> UntrustedFile:
    # Without a number, since `OSError` with one shows it before the reason.
    error = UntrustedFile()
    error.strerror, error.filename = reason, path
    return error
