"""Sorts journals into the order of the input, with one record for each id."""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from mmpipe.batch.journal.journal_file import ReopenedJournal, unchanged
from mmpipe.batch.journal.scan import NOT_ASKED, Entry, entry, entry_key
from mmpipe.batch.ledger import Ledger, make_key, sorted_rows
from mmpipe.errors import InputError
from mmpipe.unix.files import replace_output
from mmpipe.unix.streams import Output

# Marks of lines.
DROPPED: Final = 0
GOOD: Final = 1
FAILED: Final = 2
# For a record: the file and line to take, what was reported of it, and the beginning of the request's hash, which tells
# two requests under one id apart.
_CHOSEN: Final = struct.Struct(">IIB4s")
_REQUEST: Final = 4  # bytes
_IN_SEVERAL_FILES: Final = 1
_HAS_TWO_REQUESTS: Final = 2
_IS_CLAIMED: Final = 4  # the line, of an older version, is that of a record under another key
# For a taken line: its index, its file, its position there, and its length; big-endian, so that bytes sort like numbers.
_PLACE: Final = struct.Struct(">QIQI")
_Place: TypeAlias = tuple[int, int, int, int]
_NOWHERE: Final = (1 << 64) - 1  # after every index
_GROUP: Final = 1 << 20  # bytes that are written at once
# Bytes of lines that are read ahead for each of so many files, so that each file is opened for more than one of them.
_READ_AHEAD: Final = 1 << 20
_MOST_FILES: Final = 32


def sort_journal(path: str) -> bool:
    """Sort a journal into the order of its input, each record once; returns False if it is sorted already.

    `path` then names another file, so nothing may be appended through a descriptor opened before.
    Raises InputError, also if two requests have good answers under one id, and OutputError; the file is then unchanged.
    """

    def refuse(name: str) -> None:
        raise InputError(
            f"{path} has the answers to two requests under the id {name!r}; it was left unsorted"
        )

    source = ReopenedJournal(path)
    with unchanged([source]):
        with source.open() as file:
            is_torn = file.is_torn
            marks = mark_lines([file.entries()], different=refuse)
        places = find_places(taken_lines([source], marks))
        if not is_torn and DROPPED not in marks[0] and _is_ascending(places):
            return False
    with replace_output(path) as out, unchanged([source]):
        write_lines(out, lines_by_index([source], places))
    return True


def mark_lines(
    files: Iterable[Iterable[Entry]],
    repeated: Callable[[str, int, int], None] = lambda _name, _first, _file: None,
    different: Callable[[str], None] = lambda _: None,
) -> list[bytearray]:
    """Return the marks of each file's lines, one file after the other.

    Of each record the last good line is taken, or the last; of one in several files the first good line. `repeated` is
    then called with its id and the numbers of two files. `different` is called for an id with good answers to two requests.
    """
    chosen = _ChosenLines(marks := list[bytearray]())
    for file, records in enumerate(files):
        marks.append(bytearray())
        unasked = dict[int | None, int]()  # the lines of this file, by their places
        for number, found in enumerate(records):
            mark, reported = GOOD if found.good else FAILED, 0
            taken = file, number, found.request[:_REQUEST]
            key, row = chosen.find(found)
            if row is not None:
                first, old, reported, request = row
                is_good = marks[first][old] == GOOD
                if first != file and not reported & _IN_SEVERAL_FILES:
                    reported |= _IN_SEVERAL_FILES
                    repeated(found.name, first, file)
                if is_good and found.good and request != taken[2] and not reported & _HAS_TWO_REQUESTS:
                    reported |= _HAS_TWO_REQUESTS
                    different(found.name)
                if is_good and not (found.good and first == file):
                    mark, taken = DROPPED, (first, old, request)
                else:
                    marks[first][old] = DROPPED
            marks[file].append(mark)
            if found.request == NOT_ASKED:
                if mark != DROPPED and found.index is not None:
                    unasked[found.index] = number
            elif (error := unasked.pop(found.index, None)) is not None:
                # The record that could not be asked has been corrected.
                marks[file][error] = DROPPED
            chosen.put(key, (*taken[:2], reported, taken[2]))
    return marks


_Row = tuple[int, int, int, bytes]


class _ChosenLines:
    """Rows of records, as `_CHOSEN` has them.

    A line of an older version, whose name may be an id or a place, is that of the record with the same request. One
    without a good answer also gives way to a later line of either.
    """

    def __init__(self, marks: Sequence[bytearray]) -> None:
        self._marks, self._rows, self._has_old_lines = marks, Ledger(_CHOSEN.size), False

    def find(self, found: Entry) -> tuple[bytes, _Row | None]:
        """Return the key of the record, and its row if it has one."""
        key = entry_key(found)
        row = self._get(key)
        self._has_old_lines |= found.has_own_id is None
        has_others = self._has_old_lines and found.request != NOT_ASKED and found.name.isdecimal()
        if not has_others or (row is not None and _is_of(row, found)):
            return key, row
        if found.has_own_id is None:
            for other in (make_key(found.name), make_key(found.name, has_own_id=False)):
                if (old_row := self._get(other)) is not None and _is_of(old_row, found):
                    return other, old_row
            return key, row
        old = make_key(found.name, has_own_id=None)
        old_row = self._get(old)
        if old_row is None or not (_is_of(old_row, found) or (row is None and self._is_failed(old_row))):
            return key, row
        self.put(old, (*old_row[:2], _IS_CLAIMED, old_row[3]))
        return key, old_row

    def put(self, key: bytes, row: _Row) -> None:
        """Keep the row of the record with this key."""
        self._rows.put(key, _CHOSEN.pack(*row))

    def _get(self, key: bytes) -> _Row | None:
        packed = self._rows.get(key)
        row: _Row | None = None if packed is None else _CHOSEN.unpack(packed)
        return None if row is None or row[2] & _IS_CLAIMED else row

    def _is_failed(self, row: _Row) -> bool:
        return self._marks[row[0]][row[1]] == FAILED


def _is_of(row: _Row, found: Entry) -> bool:
    return row[3] == found.request[:_REQUEST]


def taken_lines(
    sources: Sequence[ReopenedJournal],
    marks: Sequence[bytearray],
    failed: Callable[[Entry], None] = lambda _: None,
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the taken lines in the order of the files: the number of the file, the position there, and the line."""
    for file, (source, own) in enumerate(zip(sources, marks, strict=True)):
        for mark, (at, line) in zip(own, source.lines(), strict=True):
            if mark == FAILED:
                failed(entry(line))
            if mark != DROPPED:
                yield file, at, line


def find_places(found: Iterable[tuple[int, int, bytes]]) -> bytearray:
    """Return a row for each line, to sort it by and to find it again."""
    places = bytearray()
    for file, at, line in found:
        index = entry(line).index
        places += _PLACE.pack(_NOWHERE if index is None else min(index, _NOWHERE - 1), file, at, len(line))
    return places


def lines_by_index(sources: Sequence[ReopenedJournal], places: bytearray) -> Iterator[bytes]:
    """Yield the lines at these places in the order of their index; lines without one come last, in their present order."""
    limit = _READ_AHEAD * min(len(sources), _MOST_FILES)
    for window in _windows(map(_PLACE.unpack, sorted_rows(places, _PLACE.size)), limit):
        # Each file is opened once for many lines.
        by_file = defaultdict[int, list[int]](list)
        for number, (_, file, _, _) in enumerate(window):
            by_file[file].append(number)
        found = [b""] * len(window)
        for file, numbers in by_file.items():
            lines = sources[file].read((at, length) for _, _, at, length in map(window.__getitem__, numbers))
            for number, line in zip(numbers, lines, strict=True):
                found[number] = line
        yield from found


def _windows(places: Iterable[_Place], limit: int) -> Iterator[list[_Place]]:
    """Yield the places in their order, as many at a time as have lines of `limit` bytes together."""
    window, size = list[_Place](), 0
    for place in places:
        if window and size + place[3] > limit:
            yield window
            window, size = [], 0
        window.append(place)
        size += place[3]
    yield window


def write_lines(out: Output, found: Iterable[bytes], render: Callable[[bytes], bytes] = bytes) -> None:
    """Write the bytes that `render` makes of each line (visible ones for a terminal), many in one write.

    A line without its newline gets one.
    """
    group, size = list[bytes](), 0
    for line in found:
        group.append(render(line if line.endswith(b"\n") else line + b"\n"))
        size += len(group[-1])
        if size >= _GROUP:
            out.write_as_is(b"".join(group))
            group, size = [], 0
    out.write_as_is(b"".join(group))


def _is_ascending(places: bytearray) -> bool:
    return all(before <= after for before, after in pairwise(_PLACE.iter_unpack(places)))
