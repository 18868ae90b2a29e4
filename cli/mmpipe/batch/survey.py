"""Reads the input whole before anything is asked: what is wrong with it, and how much there is to be asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.errors import InputError

_SHOWN: Final = 5  # bad lines that an error names


@dataclass(slots=True)
class Survey:
    """Counts of records, and of those that this run takes; `wrong` are sentences about the first of the bad ones."""

    records: int = 0
    taken: int = 0
    bad: int = 0
    answered: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise InputError if there is a bad record."""
        if self.bad:
            more = f" (and {self.bad - _SHOWN} more)" if self.bad > _SHOWN else ""
            raise InputError(
                f"{'; '.join(self.wrong)}{more}; nothing was asked, --keep-going asks the others"
            )


def survey(
    records: Iterable[Record | BadRecord],
    journal: Journal | None,
    takes: Callable[[Record | BadRecord], bool],
    to_ask: Callable[[Record], None] = lambda _: None,
) -> Survey:
    """Look at every record, and call `to_ask` for those that have no good answer yet.

    Raises InputError for an id that was asked something else in the journal.
    """
    found, seen = Survey(), RepeatedIds()
    for one in records:
        record = unrepeated(one, seen)
        found.records += 1
        taken = takes(record)
        found.taken += taken
        if isinstance(record, BadRecord):
            found.bad += 1
            if len(found.wrong) < _SHOWN:
                found.wrong.append(f"{record.source}, line {record.number}: {record.message}")
        elif is_answered(record, journal):
            found.answered += taken
        elif taken:
            to_ask(record)
    return found


def unrepeated(record: Record | BadRecord, seen: RepeatedIds) -> Record | BadRecord:
    """The record, or a bad one in its place if its id was seen before, with both places."""
    first = None if isinstance(record, BadRecord) else seen.seen(record)
    if first is None:
        return record
    source, number = first
    places = f"{source}, line {number}, and in {record.source}, line {record.number}"
    message = f"the id {record.id!r} is in {places}"
    return BadRecord(record.index, record.id, record.source, record.number, message, record.custom_id)


def is_answered(record: Record, journal: Journal | None) -> bool:
    """Whether the journal has a good answer; raises InputError if that is to another request of the same id."""
    if journal is None:
        return False
    state = journal.state(record.id, record.sha256)
    if state == "changed":
        raise InputError(
            f"{record.source}, line {record.number}: {record.id!r} was asked something else in {journal.path}; "
            "give it another id, or begin a new file"
        )
    return state == "good"
