"""Reads files whose names are data: only regular ones, since opening a pipe may wait forever, and a device may act on it."""

import os
import stat
from pathlib import Path
from typing import Final

from mmpipe.text.sizes import check_length

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_regular(path: str, limit: int) -> bytes:
    """Return the content of a regular file; raises TooLong for more than `limit` bytes.

    Raises OSError, also for any other kind of file, and ValueError for a name that no file can have.
    """
    _check(Path(path).stat())
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        # It may be another file by now.
        _check(os.fstat(file.fileno()))
        return check_length(file.read(limit + 1), limit)


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        error = OSError()
        error.strerror = "it is not a regular file"
        raise error
