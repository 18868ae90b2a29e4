"""Joins the journals of shards into one file in which every id is once."""

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.ledger import Ledger, key_of
from mmpipe.batch.lock import lock_to_read
from mmpipe.batch.scan import Entry, entries, entry, find_tail, last_line, lines
from mmpipe.errors import InputError
from mmpipe.streams import Output

_EXAMPLES: Final = 10
# The file and the line of the record to be taken; whether it is good, and whether another file has the id too.
_ROW: Final = struct.Struct(">IQ??")


@dataclass(slots=True)
class Findings:
    """How many there are, and the first of them by name."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count it."""
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)


@dataclass(slots=True)
class Merged:
    """What was written, what is wrong with it: ids never answered well, and ids that several files have."""

    records: int = 0
    failed: Findings = field(default_factory=Findings)
    repeated: Findings = field(default_factory=Findings)


@dataclass(frozen=True, slots=True)
class _Shard:
    descriptor: int
    path: str
    end: int
    last: tuple[bytes, Entry] | None


def merge(paths: Sequence[str], out: Output) -> Merged:
    """Write the last good record of each id, or else its last one, in the order of the files.

    Of an id in several files the first good record is taken, and the id reported. A torn last record is as if it were
    not there. Raises InputError for what is no journal, Busy for one that a run is writing to, OutputError.
    """
    merged = Merged()
    with ExitStack() as stack:
        shards = [stack.enter_context(_opened(path)) for path in paths]
        chosen = _chosen(shards, merged)
        for place, line in _all_lines(shards):
            found = entry(line)
            file, number, good, _ = _ROW.unpack(chosen.get(key_of(found.name)) or bytes(_ROW.size))
            if (file, number) == place:
                out.write(line + b"\n")
                merged.records += 1
                if not good:
                    merged.failed.add(found.name)
    return merged


def _chosen(shards: Sequence[_Shard], merged: Merged) -> Ledger:
    """Which record of each id is to be taken."""
    chosen = Ledger(_ROW.size)
    for file, shard in enumerate(shards):
        for number, found in enumerate(_all_entries(shard)):
            key = key_of(found.name)
            row = chosen.get(key)
            first, old, good, repeated = (file, number, False, False) if row is None else _ROW.unpack(row)
            if first != file and not repeated:
                merged.repeated.add(found.name)
                repeated = True
            if not good or (found.good and first == file):
                first, old, good = file, number, found.good
            chosen.put(key, _ROW.pack(first, old, good, repeated))
    return chosen


def _all_entries(shard: _Shard) -> Iterator[Entry]:
    yield from entries(shard.descriptor, shard.end, shard.path)
    if shard.last is not None:
        yield shard.last[1]


def _all_lines(shards: Sequence[_Shard]) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Every line, with the numbers of its file and of itself."""
    for file, shard in enumerate(shards):
        number = -1
        for number, line in enumerate(lines(shard.descriptor, shard.end)):
            yield (file, number), line
        if shard.last is not None:
            yield (file, number + 1), shard.last[0]


@contextmanager
def _opened(path: str) -> Iterator[_Shard]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        lock_to_read(descriptor, path)
        tail = find_tail(descriptor)
        line, whole = last_line(descriptor, tail, path)
        yield _Shard(descriptor, path, tail.start, (line, whole) if whole else None)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)
