"""Puts journals into the order of the input: which record of each id is taken, and which place it has."""

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from mmpipe.batch.journal.journal_file import JournalFile, open_to_read
from mmpipe.batch.journal.ledger import Ledger, in_order, key_of
from mmpipe.batch.journal.scan import Entry, entry
from mmpipe.unix.files import replace_output
from mmpipe.unix.streams import Output

# What becomes of a line.
LEFT: Final = 0
GOOD: Final = 1
FAILED: Final = 2
# Of an id: the file and the line of the record to be taken, and whether another file has the id too.
_CHOSEN: Final = struct.Struct(">II?")
# Of a line that is taken: its index, its file, where it begins there, and its length; big-endian to be sorted as bytes.
_PLACE: Final = struct.Struct(">QIQI")
_NOWHERE: Final = (1 << 64) - 1  # after every index
_GROUP: Final = 1 << 20  # bytes that are written at once


def sort_journal(path: str) -> bool:
    """Put a whole journal into the order of its input, each id once; False if it is so already.

    Nothing may be appended afterwards by one who had it open before: `path` is another file then. Raises InputError,
    OutputError, and then the file is as it was.
    """
    with open_to_read(path) as source:
        marks = choose([source.entries()])
        places = places_of(taken([source], marks))
        if not source.is_torn and LEFT not in marks[0] and _is_ascending(places):
            return False
        with replace_output(path) as out:
            write_lines(out, lines_by_index([source], places))
    return True


def choose(
    files: Sequence[Iterable[Entry]], repeated: Callable[[str], None] = lambda _: None
) -> list[bytearray]:
    """For each file what becomes of each of its lines: of an id the last good one is taken, or else the last one.

    Of an id in several files it is the first good one, and `repeated` is told.
    """
    chosen = Ledger(_CHOSEN.size)
    marks = [bytearray() for _ in files]
    for file, records in enumerate(files):
        for number, found in enumerate(records):
            key, mark = key_of(found.name), GOOD if found.good else FAILED
            row = chosen.get(key)
            first, old, is_repeated = (file, number, False) if row is None else _CHOSEN.unpack(row)
            if first != file and not is_repeated:
                repeated(found.name)
            is_better = row is None or marks[first][old] == FAILED or (found.good and first == file)
            if is_better and row is not None:
                marks[first][old] = LEFT
            marks[file].append(mark if is_better else LEFT)
            place = (file, number) if is_better else (first, old)
            chosen.put(key, _CHOSEN.pack(*place, is_repeated or first != file))
    return marks


def taken(
    sources: Sequence[JournalFile], marks: Sequence[bytearray], failed: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[int, int, bytes]]:
    """The lines that are taken, in the order of the files: the file's number, where it begins, and the line."""
    for file, (source, own) in enumerate(zip(sources, marks, strict=True)):
        for mark, (at, line) in zip(own, source.lines(), strict=True):
            if mark == FAILED:
                failed(entry(line).name)
            if mark != LEFT:
                yield file, at, line


def places_of(found: Iterable[tuple[int, int, bytes]]) -> bytearray:
    """A row for each line, by which it can be sorted and found again."""
    places = bytearray()
    for file, at, line in found:
        index = entry(line).index
        places += _PLACE.pack(_NOWHERE if index is None else min(index, _NOWHERE - 1), file, at, len(line))
    return places


def lines_by_index(sources: Sequence[JournalFile], places: bytearray) -> Iterator[bytes]:
    """The lines at these places in the order of their index; those without come last, as they came."""
    for row in in_order(places, _PLACE.size):
        _, file, at, length = _PLACE.unpack(row)
        yield os.pread(sources[file].descriptor, length, at)


def write_lines(out: Output, found: Iterable[bytes]) -> None:
    """Many in one write; one that lacks its newline gets it."""
    group, size = list[bytes](), 0
    for line in found:
        group.append(line if line.endswith(b"\n") else line + b"\n")
        size += len(line)
        if size >= _GROUP:
            out.write(b"".join(group))
            group, size = [], 0
    out.write(b"".join(group))


def _is_ascending(places: bytearray) -> bool:
    return all(before <= after for before, after in pairwise(_PLACE.iter_unpack(places)))
