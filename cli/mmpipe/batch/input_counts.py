"""Counts records, and groups the faults of bad ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.record_check import is_answered, refuse_repeated
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.errors import InputError

_SHOWN: Final = 5  # faults that an error names
_DIGEST: Final = 32  # bytes


@dataclass(slots=True)
class InputCounts:
    """Counts of all records, and of those that this run takes.

    `open` ones would be asked now. `faults` are the first messages of bad records, each with the place of the first such
    record and their number. `read_files` of the records name files, which may change without the input. `content` is a
    sum of hashes of the ids and requests: the same for the same records, however they are packed, split or, with ids of
    their own, ordered.
    """

    records: int = 0
    taken: int = 0
    bad: int = 0
    answered: int = 0
    open: int = 0
    read_files: int = 0
    content: int = 0
    faults: dict[str, tuple[str, int]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise InputError if there is a bad record."""
        if self.bad:
            shown = "; ".join(
                f"{place}: {message}{f' (and {number - 1} more like it)' if number > 1 else ''}"
                for message, (place, number) in self.faults.items()
            )
            others = self.bad - sum(number for _, number in self.faults.values())
            more = f" (and {others} more)" if others else ""
            remedy = ", --keep-going asks the others" if self.open else ""
            raise InputError(f"{shown}{more}", hint=f"nothing was asked{remedy}")

    def add_content(self, record: Record) -> None:
        """Add the id and the request to the content."""
        digest = blake2b(record.id.encode("utf-8", "surrogatepass"), digest_size=_DIGEST)
        digest.update(b"\0" + record.sha256.encode())
        self.content = (self.content + int.from_bytes(digest.digest())) % (1 << 8 * _DIGEST)

    def add_fault(self, record: BadRecord) -> None:
        """Count a bad record."""
        self.bad += 1
        place, number = self.faults.get(record.message, (f"{record.source}, line {record.number}", 0))
        if number or len(self.faults) < _SHOWN:
            self.faults[record.message] = place, number + 1


def count_records(
    records: Iterable[Record | BadRecord],
    journal: Journal | None,
    takes: Callable[[Record | BadRecord], bool],
    on_open: Callable[[Record], object] = lambda _: None,
) -> InputCounts:
    """Count the records, and call `on_open` with each that has no good answer yet.

    Raises InputError for an id that the journal has with another request.
    """
    counts, seen = InputCounts(), RepeatedIds()
    for found in records:
        record = refuse_repeated(found, seen)
        counts.records += 1
        taken = takes(record)
        counts.taken += taken
        if isinstance(record, BadRecord):
            counts.add_fault(record)
            continue
        counts.read_files += record.reads_files
        counts.add_content(record)
        if is_answered(record, journal):
            counts.answered += taken
        elif taken:
            counts.open += 1
            on_open(record)
    return counts
