"""Sorts journals into the order of the input, with one record for each id."""

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from mmpipe.batch.journal.journal_file import JournalFile, open_to_read
from mmpipe.batch.journal.scan import Entry, entry
from mmpipe.batch.ledger import Ledger, make_key, sorted_rows
from mmpipe.unix.files import replace_output
from mmpipe.unix.streams import Output
from mmpipe.writers.lines import write_json_lines

# Marks of lines.
DROPPED: Final = 0
GOOD: Final = 1
FAILED: Final = 2
# For an id: the file and line of the record to take, and True if another file has the id too.
_CHOSEN: Final = struct.Struct(">II?")
# For a taken line: its index, its file, its position there, and its length; big-endian, so that bytes sort like numbers.
_PLACE: Final = struct.Struct(">QIQI")
_NOWHERE: Final = (1 << 64) - 1  # after every index
_GROUP: Final = 1 << 20  # bytes that are written at once


def sort_journal(path: str) -> bool:
    """Sort a journal into the order of its input, each id once; returns False if it is sorted already.

    `path` then names another file, so nothing may be appended through a descriptor opened before.
    Raises InputError, OutputError; the file is then unchanged.
    """
    with open_to_read(path) as source:
        marks = mark_lines([source.entries()])
        places = find_places(taken_lines([source], marks))
        if not source.is_torn and DROPPED not in marks[0] and _is_ascending(places):
            return False
        with replace_output(path) as out:
            write_lines(out, lines_by_index([source], places))
    return True


def mark_lines(
    files: Sequence[Iterable[Entry]], repeated: Callable[[str], None] = lambda _: None
) -> list[bytearray]:
    """The marks of each file's lines: for each id the last good record is taken, or else the last one.

    For an id in several files the first good record is taken, and `repeated` is called.
    """
    chosen = Ledger(_CHOSEN.size)
    marks = [bytearray() for _ in files]
    for file, records in enumerate(files):
        for number, found in enumerate(records):
            key, mark = make_key(found.name), GOOD if found.good else FAILED
            row = chosen.get(key)
            first, old, is_repeated = (file, number, False) if row is None else _CHOSEN.unpack(row)
            if first != file and not is_repeated:
                repeated(found.name)
            is_better = row is None or marks[first][old] == FAILED or (found.good and first == file)
            if is_better and row is not None:
                marks[first][old] = DROPPED
            marks[file].append(mark if is_better else DROPPED)
            place = (file, number) if is_better else (first, old)
            chosen.put(key, _CHOSEN.pack(*place, is_repeated or first != file))
    return marks


def taken_lines(
    sources: Sequence[JournalFile], marks: Sequence[bytearray], failed: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[int, int, bytes]]:
    """The taken lines in the order of the files: the number of the file, the position there, and the line."""
    for file, (source, own) in enumerate(zip(sources, marks, strict=True)):
        for mark, (at, line) in zip(own, source.lines(), strict=True):
            if mark == FAILED:
                failed(entry(line).name)
            if mark != DROPPED:
                yield file, at, line


def find_places(found: Iterable[tuple[int, int, bytes]]) -> bytearray:
    """A row for each line, to sort it by and to find it again."""
    places = bytearray()
    for file, at, line in found:
        index = entry(line).index
        places += _PLACE.pack(_NOWHERE if index is None else min(index, _NOWHERE - 1), file, at, len(line))
    return places


def lines_by_index(sources: Sequence[JournalFile], places: bytearray) -> Iterator[bytes]:
    """The lines at these places in the order of their index; lines without one come last, in their present order."""
    for row in sorted_rows(places, _PLACE.size):
        _, file, at, length = _PLACE.unpack(row)
        yield os.pread(sources[file].descriptor, length, at)


def write_lines(out: Output, found: Iterable[bytes]) -> None:
    """Write lines, many in one write; a missing newline is added."""
    group, size = list[bytes](), 0
    for line in found:
        group.append(line if line.endswith(b"\n") else line + b"\n")
        size += len(line)
        if size >= _GROUP:
            write_json_lines(out, b"".join(group))
            group, size = [], 0
    write_json_lines(out, b"".join(group))


def _is_ascending(places: bytearray) -> bool:
    return all(before <= after for before, after in pairwise(_PLACE.iter_unpack(places)))
