"""Joins the journals of shards into one file in which every id is once, and tells what is missing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.journal.journal_file import open_to_read
from mmpipe.batch.journal.scan import Entry
from mmpipe.batch.journal.sidecar import read_sidecar
from mmpipe.batch.journal.sort import (
    LEFT,
    choose,
    lines_by_index,
    places_of,
    taken,
    write_lines,
)
from mmpipe.unix.locks import lock_to_read
from mmpipe.unix.streams import Output

_EXAMPLES: Final = 10
# Each is a byte of memory. More records than this would need more for other things first.
_MOST_PLACES: Final = 1 << 27


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
    """What was written, what is wrong with it: ids never answered well, ids that several files have, missing indexes.

    `unchecked` says why it is not known whether an index is missing, if it is not.
    """

    records: int = 0
    failed: Findings = field(default_factory=Findings)
    repeated: Findings = field(default_factory=Findings)
    missing: Findings = field(default_factory=Findings)
    unchecked: str | None = None


def merge(paths: Sequence[str], out: Output, *, in_order: bool = False) -> Merged:
    """Write the last good record of each id, or else its last one, in the order of the files or of the index.

    Of an id in several files the first good record is taken, and the id reported. A torn last record is as if it were
    not there. Raises InputError for what is no journal, Busy for one that a run is writing to, OutputError.
    """
    merged, indexes = Merged(), _Indexes()
    with ExitStack() as stack:
        sources = [stack.enter_context(open_to_read(path, lock_to_read)) for path in paths]
        marks = choose([indexes.seen_in(source.entries()) for source in sources], merged.repeated.add)
        found = taken(sources, marks, merged.failed.add)
        if in_order:
            write_lines(out, lines_by_index(sources, places_of(found)))
        else:
            write_lines(out, (line for _, _, line in found))
    merged.records = sum(len(own) - own.count(LEFT) for own in marks)
    for sidecar in map(read_sidecar, paths):
        if sidecar is not None and sidecar.records is not None:
            indexes.expect(sidecar.records)
    merged.unchecked = indexes.trouble(merged.records)
    if merged.unchecked is None:
        merged.missing = indexes.missing()
    return merged


class _Indexes:
    """Which places of the input have a record."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self._too_many: int | None = None

    def seen_in(self, records: Iterable[Entry]) -> Iterator[Entry]:
        """The records, while their indexes are noted."""
        for record in records:
            index = record.index
            if index is not None:
                self.expect(index + 1)
                if index < len(self._seen):
                    self._seen[index] = 1
            yield record

    def expect(self, count: int) -> None:
        """There should be so many records at least."""
        if count > _MOST_PLACES:
            self._too_many = count
        elif count > len(self._seen):
            self._seen.extend(bytes(count - len(self._seen)))

    def trouble(self, records: int) -> str | None:
        """Why nothing can be said about what is missing, with so many records there."""
        if self._too_many is not None:
            return f"an input of {self._too_many} records is too long to be looked through for gaps"
        return "no record says which place of the input it has" if records and 1 not in self._seen else None

    def missing(self) -> Findings:
        """What was not seen."""
        found = Findings(self._seen.count(0))
        at = -1
        while len(found.examples) < min(found.count, _EXAMPLES):
            at = self._seen.index(0, at + 1)
            found.examples.append(str(at))
        return found
