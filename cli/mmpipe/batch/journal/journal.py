"""The journal of a batch is its output file: locked, scanned, repaired, and then only appended to."""

import os
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Literal

from mmpipe.batch.journal.earlier_lines import EarlierLines
from mmpipe.batch.journal.journal_file import open_to_read
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import (
    MAX_ATTEMPT,
    NOT_ASKED,
    Entry,
    Tail,
    entries,
    entry_key,
    find_tail,
    last_line,
    request_half,
)
from mmpipe.batch.journal.sidecar import remove_sidecar
from mmpipe.batch.ledger import Ledger, make_key
from mmpipe.errors import Internal, OutputError, UsageError
from mmpipe.text.counts import format_count
from mmpipe.unix.folders import sync_folder_of
from mmpipe.unix.locked_append import LockedFile, open_locked
from mmpipe.unix.locks import lock_to_read
from mmpipe.unix.streams import Output, close_at_end

# Passes entries on, as long as there is time to read them.
Hold = Callable[[Iterable[Entry]], Iterator[Entry]]
State = Literal["new", "good", "failed", "changed", "other host"]

_DESCRIPTORS: Final = ("/dev/fd/", "/dev/std", "/proc/")
# 16 bytes of the request's SHA-256; the number of the attempt * 4, and the marks of the answer.
_ROW: Final = struct.Struct(">16sI")
_ATTEMPT: Final = 2  # bits to its right
_OF_OTHER_HOST: Final = 2
_GOOD: Final = 1


@dataclass(slots=True, eq=False)
class Journal:
    """The answers that the file had when it was opened, and its end to append to.

    A record is known by its own id (`has_own_id`), or by its place in the input, the index. Older versions did not write
    which of them a name is: such a line is taken for both, and is the record's if the request is.
    `repaired` is a sentence about the repair of its end, if one was needed. It `is_used` once something is asked for it.
    """

    repaired: str | None
    _file: LockedFile
    _known: Ledger
    earlier: EarlierLines = field(default_factory=EarlierLines)
    # Names of settings that are not those of the run before, as far as they are known.
    changed_settings: Sequence[str] = field(default=(), init=False)
    is_used: bool = field(default=False, init=False)
    # Bytes of the previous run may not be on the disk either.
    _unsynced: bool = field(default=True, init=False)
    _lost: OutputError | None = field(default=None, init=False)
    _syncing: Lock = field(default_factory=Lock, init=False)

    @property
    def path(self) -> str:
        """The name that the file was opened by."""
        return self._file.path

    def knows(self, name: str, *, has_own_id: bool = True) -> bool:
        """True if there is a line of this record."""
        return any(self._row(name, has_own_id=kind) is not None for kind in (has_own_id, None))

    def __len__(self) -> int:
        """The number of ids when the file was opened."""
        return len(self._known)

    def check_format(self, wanted: JournalFormat) -> None:
        """Raise UsageError if all lines have another format."""
        if (found := self.earlier.refused_format(wanted)) is not None:
            raise UsageError(
                f"{self.path} has lines in --format {found}", hint="to resume it, use that format"
            )

    def state(self, name: str, request_sha256: str, *, has_own_id: bool = True) -> State:
        """The state of this request; `changed` if the record has a good answer to another one, `other host` if of another host.

        A failed record may have another request next time.
        """
        asked = request_half(request_sha256)
        row = self._find(name, asked, has_own_id=has_own_id)
        if row is None:
            return "new"
        request, marks = _ROW.unpack(row)
        if marks & _GOOD and request != asked:
            return "changed"
        return "failed" if not marks & _GOOD else "other host" if marks & _OF_OTHER_HOST else "good"

    def is_good(self, name: str, *, has_own_id: bool = True) -> bool:
        """True if the record surely has a good answer, to whatever request."""
        row = self._row(name, has_own_id=has_own_id)
        return row is not None and bool(_ROW.unpack(row)[1] & _GOOD)

    def attempt(self, name: str, request_sha256: str, *, has_own_id: bool = True) -> int:
        """The number of attempts before this run."""
        row = self._find(name, request_half(request_sha256), has_own_id=has_own_id)
        return 0 if row is None else _ROW.unpack(row)[1] >> _ATTEMPT

    def _find(self, name: str, asked: bytes, *, has_own_id: bool) -> bytes | None:
        """The row of this request; or else that of the record, or one that may be the record's."""
        if not len(self._known):
            return None
        row = self._row(name, has_own_id=has_own_id)
        if row is not None and _ROW.unpack(row)[0] == asked:
            return row
        either = self._row(name, has_own_id=None)
        if either is None or (row is not None and _ROW.unpack(either)[0] != asked):
            return row
        return either

    def _row(self, name: str, *, has_own_id: bool | None) -> bytes | None:
        return self._known.get(make_key(name, has_own_id=has_own_id))

    @property
    def end(self) -> int:
        """The position where the next appended line will begin, in bytes."""
        return os.fstat(self._file.descriptor).st_size

    def read(self, position: int, length: int) -> bytes:
        """Read bytes that were written before; raises OutputError if they are gone."""
        try:
            data = os.pread(self._file.descriptor, length, position)
        except OSError as error:
            raise OutputError(f"cannot read {self.path}: {error.strerror}") from error
        if len(data) < length:
            raise OutputError(f"{self.path} was made shorter by another process")
        return data

    def clear(self) -> None:
        """Empty the file; raises OutputError."""
        self._file.truncate(0)

    def append(self, lines: Sequence[bytes]) -> None:
        """Append complete lines in one write; they survive the death of the process, and after `sync` a power cut.

        Raises OutputError; the file then ends with the last line that was written completely.
        """
        data = b"".join(lines)
        if data.count(b"\n") != len(lines) or not all(line.endswith(b"\n") for line in lines):
            raise Internal("a record for the journal is not one line")
        self._unsynced = True
        self._file.append_lines(data)

    def check_untouched(self) -> None:
        """Raise OutputError if somebody without the lock changed the file; not to be called after a failed append."""
        self._file.check_untouched(
            if_gone="the new answers are not in it", if_changed="answers may be missing in it"
        )

    def sync(self) -> None:
        """Return once every line is on the disk; raises OutputError, and the same at every later call.

        May be called in several threads.
        """
        with self._syncing:
            if self._lost is None and self._unsynced:
                # Before the sync begins: lines that another thread appends meanwhile need the next one.
                self._unsynced = False
                try:
                    self._file.sync()
                except OutputError as error:
                    # The kernel reports an error once, and the next sync as a success.
                    self._lost = error
            if self._lost is not None:
                raise self._lost


@contextmanager
def open_journal(
    path: str, *, resume: bool, overwrite: bool, host: str | None = None, hold: Hold = iter
) -> Iterator[Journal]:
    """Open the file, locked until the context ends, and then synced; `host` is the identity of the host to be asked.

    With `overwrite` its records do not count, and stay until `clear`. A new file that was not used is removed after an error.

    Raises UsageError, Busy, InputError for a file that is not a journal (which is left as it is), OutputError.
    """
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other")
    file = _open_locked(path)
    with close_at_end(file.output):
        journal = None
        try:
            journal = _ready(file, EarlierLines(host), resume=resume, overwrite=overwrite, hold=hold)
            yield journal
        except BaseException:
            _leave(file, journal)
            raise
        journal.sync()


def _leave(file: LockedFile, journal: Journal | None) -> None:
    """Sync the journal after an error; one that is new, empty and unused is removed, and its sidecar too."""
    if journal is not None:
        with suppress(OutputError):
            journal.sync()
    if file.is_new and not (journal is not None and journal.is_used) and file.remove_if_empty():
        remove_sidecar(file.path)


@contextmanager
def read_journal(path: str, host: str | None = None, hold: Hold = iter) -> Iterator[Journal]:
    """Open the file for reading only: it is not repaired, and a missing file counts as an empty one.

    Raises Busy, InputError.
    """
    known, earlier = Ledger(_ROW.size), EarlierLines(host)
    if not os.path.lexists(path):
        path = os.devnull
    with open_to_read(path, lock_to_read) as source:
        known.put_all(_rows(known, hold(source.entries()), earlier))
        yield Journal(None, LockedFile(Output(source.descriptor, path), source.end), known, earlier)


def _open_locked(path: str) -> LockedFile:
    def check(descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or path.startswith(_DESCRIPTORS):
            raise UsageError(
                f"{path} is not a file that a batch can be resumed from",
                hint="leave out -o to write to standard output",
            )

    try:
        return open_locked(path, 0o666, check)
    except OSError as error:
        raise OutputError.from_os(path, error) from error


def _ready(file: LockedFile, earlier: EarlierLines, *, resume: bool, overwrite: bool, hold: Hold) -> Journal:
    try:
        if file.size == 0 or overwrite:
            sync_folder_of(file.path)
            return Journal(None, file, Ledger(_ROW.size))
        if resume:
            return _resume(file, earlier, hold)
    except OSError as error:
        raise OutputError.from_os(file.path, error) from error
    raise UsageError(f"{file.path} has content: --resume continues it, --overwrite starts over")


def _resume(file: LockedFile, earlier: EarlierLines, hold: Hold) -> Journal:
    known = Ledger(_ROW.size)
    tail = find_tail(file.descriptor)
    # Later records of an id take the place of earlier ones.
    known.put_all(_rows(known, hold(entries(file.descriptor, tail.start, file.path)), earlier))
    line, whole = last_line(file.descriptor, tail, file.path)
    if whole is not None:
        known.put_all(_rows(known, [whole], earlier))
    return Journal(_repair(file, tail, line, whole), file, known, earlier)


def _rows(known: Ledger, found: Iterable[Entry], lines: EarlierLines) -> Iterator[tuple[bytes, bytes]]:
    """The rows of these entries; `lines` takes note of each."""
    for entry in found:
        marks = lines.note(entry) << 1 | entry.good
        key, attempt = entry_key(entry), entry.attempt
        if attempt:
            yield key, _ROW.pack(entry.request, attempt << _ATTEMPT | marks)
            continue
        before = known.get(key)
        if entry.request != NOT_ASKED:
            # Lines of the Batch API have no number of attempts.
            earlier = 0 if before is None else _ROW.unpack(before)[1] >> _ATTEMPT
            yield key, _ROW.pack(entry.request, min(earlier + 1, MAX_ATTEMPT) << _ATTEMPT | marks)
        elif before is None:
            # A record that was not asked must not replace one that was.
            yield key, _ROW.pack(NOT_ASKED, 0)


def _repair(file: LockedFile, tail: Tail, line: bytes, whole: Entry | None) -> str | None:
    """Make the file end with a newline; returns a sentence about the repair, or None."""
    if tail.start == tail.size:
        return None
    kept = tail.start if whole is None else tail.end
    file.truncate(kept)
    if whole is not None:
        file.append_lines(b"\n")
    file.sync()
    done = ["its last record got the newline that was missing"] if whole else []
    if kept < tail.size:
        what = "a torn record" if whole is None and line else "NULs"
        words = format_count(tail.size - kept, f"byte of {what} was", f"bytes of {what} were")
        done.append(f"{words} cut off its end")
    return " and ".join(done)
