"""The identity of a file, pipe or device: all of its names and links have the same."""

import os
from typing import NamedTuple


class Identity(NamedTuple):
    """Device and inode; after a file is removed, another may get them."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Identity":
        """Return the identity in a status."""
        return cls(status.st_dev, status.st_ino)
