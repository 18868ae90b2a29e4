"""Atomic write: a file is written beside its target and renamed, so that readers see all of it or none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mmpipe.unix.folders import sync_folder_of


@contextmanager
def open_replacement(target: str, mode: int, *, syncs_name: bool = True) -> Iterator[int]:
    """Yield the descriptor of a new file that replaces `target` when the context succeeds.

    The content is on the disk before the name is. Without `syncs_name` a power cut may leave the earlier file.
    After an error no new file is left. Raises OSError.
    """
    temporary, descriptor = create_beside(target, mode)
    try:
        yield descriptor
        os.fsync(descriptor)
        os.rename(temporary, target)
        if syncs_name:
            sync_folder_of(target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)


def create_beside(target: str, mode: int) -> tuple[str, int]:
    """Create a file in the folder of `target`, where it can be renamed; returns its path and descriptor. Raises OSError."""
    folder, name = os.path.split(target)
    while True:
        # A name may have 255 bytes; the front of it is enough to recognise the file by.
        temporary = os.path.join(folder, f".{name[:60]}.{os.urandom(4).hex()}")
        with suppress(FileExistsError):
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
