"""Checks a record against the window of its model, and those before it: in the input, and in the journal."""

from mmpipe.batch.journal.journal import Journal
from mmpipe.batch.records.records import BadRecord, FoundRecord, Record
from mmpipe.batch.records.repeated_ids import RepeatedIds
from mmpipe.core.prompt_size import check_window
from mmpipe.errors import InputError


def refuse_repeated(record: Record | BadRecord, seen: RepeatedIds) -> Record | BadRecord:
    """The record, or a bad one in its place if its id was seen before; the message names both places.

    The id belongs to the first record, so that the bad one is named by its index.
    """
    first = None if isinstance(record, BadRecord) else seen.first_place(record)
    if first is None:
        return record
    source, number = first
    place, own_place = f"{source}, line {number}", f"{record.source}, line {record.number}"
    message = f"the id {record.id!r} is in {place}, and in {own_place}"
    if place == own_place:
        message = f"the id {record.id!r} comes twice in {place}"
    return BadRecord(
        record.index, None, record.source, record.number, message, fields=record.fields, is_row=record.is_row
    )


def refuse_overlong(record: FoundRecord | None) -> FoundRecord | None:
    """Return the record, or a bad one in its place if its prompt is longer by far than the window of its model."""
    if not isinstance(record, Record):
        return record
    try:
        check_window(record.request)
    except InputError as error:
        return BadRecord(
            record.index,
            record.id if record.has_own_id else None,
            record.source,
            record.number,
            error.message,
            record.custom_id,
            record.fields,
            record.is_row,
        )
    return record


def is_answered(record: Record, journal: Journal | None) -> bool:
    """True if the journal has a good answer; raises InputError if it answers another request with the same id."""
    if journal is None:
        return False
    state = journal.state(record.id, record.sha256, has_own_id=record.has_own_id)
    if state == "other host":
        raise InputError(
            f"{record.source}, line {record.number}: {record.id!r} has an answer of {journal.earlier.other_host} in {journal.path}, "
            f"and the host is now {journal.earlier.asked} (base_url has changed)",
            hint="ask that host, or begin a new file",
        )
    if state == "changed":
        changed = f" (changed: {', '.join(journal.changed_settings)})" if journal.changed_settings else ""
        raise InputError(
            f"{record.source}, line {record.number}: {record.id!r} has a good answer to another request in {journal.path}{changed}",
            hint="take the change back, ask an input of the failed records alone, or begin a new file",
        )
    return state == "good"
