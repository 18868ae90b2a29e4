"""Makes the names in a folder outlast a power cut."""

import os
from pathlib import Path


def sync_folder_of(path: str) -> None:
    """A new name is lost with the power otherwise, and all that was synced under it. Raises OSError."""
    try:
        folder = os.open(Path(path).resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # One that may be written to and not be read, which is no reason to refuse the work.
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
