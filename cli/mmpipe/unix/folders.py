"""Syncs folders, so that the names in them survive a power cut."""

import os
from pathlib import Path


def sync_folder_of(path: str) -> None:
    """Sync the folder of `path`: otherwise a power cut loses a new name, and the file with it. Raises OSError."""
    try:
        folder = os.open(Path(path).resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # The folder is writable and not readable: work goes on without the sync.
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
