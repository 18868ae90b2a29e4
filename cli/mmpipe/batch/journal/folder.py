"""Finds the journals in folders that are to be joined."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from mmpipe.batch.journal.scan import LINE_LIMIT, entry
from mmpipe.batch.journal.sidecar import sidecar_path
from mmpipe.errors import InputError
from mmpipe.unix.identity import Identity


def find_journals(paths: Sequence[str], output: str | int) -> list[str]:
    """The paths, with the journals in a folder in its place, by their names; those in its own folders are not looked for.

    The output, a path or a descriptor, is not taken from a folder, and no journal that is there already. Raises InputError
    for a folder without journals, and for a file in it that cannot be read, since it may be one.
    """
    found = list[str]()
    known = {identity for path in (*paths, output) if (identity := _identify(path)) is not None}
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        try:
            journals = list(_journals_in(path))
        except OSError as error:
            raise InputError.from_os(error.filename or path, error) from error
        if not journals:
            raise InputError(f"{path} is a folder without journals")
        for journal, identity in journals:
            if identity not in known:
                known.add(identity)
                found.append(journal)
    return found


def _journals_in(folder: str) -> Iterator[tuple[str, Identity]]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  names as they are, and not paths
        path = os.path.join(folder, name)  # noqa: PTH118  Path would collapse names that the user typed
        if not name.startswith(".") and Path(path).is_file() and _is_journal(path):
            yield path, Identity.of(Path(path).stat())


def _is_journal(path: str) -> bool:
    """Return True if the file has a sidecar, or its first line is a record of a batch."""
    if os.path.lexists(sidecar_path(path)):
        return True
    with Path(path).open("rb") as file:
        if not file.peek(1).startswith(b"{"):
            return False
        try:
            entry(file.readline(LINE_LIMIT))
        except ValueError:
            return False
    return True


def _identify(file: str | int) -> Identity | None:
    """Return the identity of a path or descriptor; None if there is none, which opening it will report."""
    with suppress(OSError, ValueError):
        return Identity.of(os.stat(file))  # noqa: PTH116  also a descriptor
    return None
