"""Atomic write: a file is written beside its target and renamed, so that readers see all of it or none."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mmpipe.errors import OutputError
from mmpipe.unix.folders import sync_folder_of


@contextmanager
def open_replacement(target: str, mode: int, *, syncs_name: bool = True) -> Iterator[int]:
    """Yield the descriptor of a new file that replaces `target` when the context succeeds.

    The content is on the disk before the name is. Without `syncs_name` a power cut may leave the earlier file.
    After an error no new file is left. Raises OSError.
    """
    temporary, descriptor = create_beside(target, mode)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        # Before the rename: some file systems report a full quota at the close.
        os.close(descriptor)
        os.rename(temporary, target)
        if syncs_name:
            sync_folder_of(target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def create_beside(target: str, mode: int) -> tuple[str, int]:
    """Create a file in the folder of `target`, where it can be renamed; returns its path and descriptor. Raises OSError."""
    folder, name = os.path.split(target)
    while True:
        # A name may have 255 bytes; the front of it is enough to recognise the file by.
        temporary = os.path.join(folder, f".{name[:60]}.{os.urandom(4).hex()}")
        with suppress(FileExistsError):
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def check_replaceable(path: str) -> None:
    """Raise OutputError if no new file can take the name of the file at `path`, if there is one; nothing is changed.

    The rename would fail too, but only after the answer is paid for.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        found, around = os.stat(target), os.stat(folder)
    except OSError:
        # There is nothing to replace; opening it reports any other error.
        return
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        # Opening it reports this better.
        return
    if not _permits(folder, os.W_OK | os.X_OK):
        reason = f"Permission denied for a new file in {folder}"
    elif _is_mount_point(target, folder):
        reason = "it is a mount point, as a single file that is mounted into a container"
    elif _is_protected(target):
        is_foreign = around.st_mode & stat.S_ISVTX and os.geteuid() not in (found.st_uid, around.st_uid)
        reason = "its folder is sticky and it belongs to another user" if is_foreign else "it is protected"
    else:
        return
    advice = "write into it with `> FILE`, or " if _permits(target, os.W_OK) else ""
    raise OutputError(f"cannot replace {path}: {reason}", hint=f"{advice}choose another file")


def _permits(path: str, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _is_mount_point(target: str, folder: str) -> bool:
    mounts = _read_mount(target), _read_mount(folder)
    return None not in mounts and mounts[0] != mounts[1]


def _read_mount(path: str) -> str | None:
    """Return the number of the mount that `path` belongs to; None where the system does not name it."""
    if not hasattr(os, "O_PATH"):
        return None
    with suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            with open(f"/proc/self/fdinfo/{descriptor}") as lines:
                return next((line for line in lines if line.startswith("mnt_id:")), None)
        finally:
            with suppress(OSError):
                os.close(descriptor)
    return None


def _is_protected(target: str) -> bool:
    """Return True if the kernel does not permit to take the name of this file away.

    The kernel checks this before it notices that rmdir was called for a file.
    """
    try:
        os.rmdir(target)
    except OSError as error:
        return error.errno == errno.EPERM
    return False
