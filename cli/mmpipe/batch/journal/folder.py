"""Finds the journals in folders that are to be joined."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from mmpipe.batch.journal.scan import LINE_LIMIT, entry
from mmpipe.batch.journal.sidecar import sidecar_path
from mmpipe.errors import InputError, UsageError
from mmpipe.unix.identity import Identity


def find_journals(
    paths: Sequence[str], output: str | int, pass_over: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Return the paths, with the journals in a folder in its place, by their names; not those in its own folders.

    A journal that is named already is not taken from a folder. `pass_over` is called with each file that has content and
    is no journal: it may be a damaged one. Raises UsageError for an output in a folder, a path or a descriptor: the next
    merge would join it, too. Raises InputError for a folder without journals, and for a file in it that cannot be read.
    """
    found = list[str]()
    known = {identity for path in paths if (identity := _identify(path)) is not None}
    written = _identify(output)
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        _reject_output_in(path, output)
        try:
            journals = list(_journals_in(path, written, pass_over))
        except OSError as error:
            raise InputError.from_os(error.filename or path, error) from error
        if not journals:
            raise InputError(f"{path} is a folder without journals")
        for journal, identity in journals:
            if identity not in known:
                known.add(identity)
                found.append(journal)
    return found


def _reject_output_in(folder: str, output: str | int) -> None:
    if isinstance(output, int):
        return
    place, name = os.path.split(os.path.realpath(output))
    if not name.startswith(".") and _identify(place) == _identify(folder):
        raise _refusal(output, folder)


def _refusal(output: str, folder: str) -> UsageError:
    return UsageError(
        f"{output} would be both input and output of the next --merge of {folder}",
        hint="write what is joined outside of the folder",
    )


def _journals_in(
    folder: str, written: Identity | None, pass_over: Callable[[str], None]
) -> Iterator[tuple[str, Identity]]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  names as they are, and not paths
        path = os.path.join(folder, name)  # noqa: PTH118  Path would collapse names that the user typed
        if name.startswith(".") or not Path(path).is_file():
            continue
        status = Path(path).stat()
        if Identity.of(status) == written:
            raise _refusal(path, folder)
        if _is_journal(path):
            yield path, Identity.of(status)
        elif status.st_size:
            pass_over(path)


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
