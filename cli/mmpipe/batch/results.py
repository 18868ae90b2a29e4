"""Writes the result of a record as one JSON line: our own (man page, JSON OUTPUT) or one of the OpenAI Batch API."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from mmpipe.batch.engine import Outcome
from mmpipe.batch.journal.result_format import JournalFormat
from mmpipe.batch.journal.scan import LINE_LIMIT, MAX_ATTEMPT
from mmpipe.batch.openai_lines import openai_names, openai_outcome
from mmpipe.batch.options import BatchOptions
from mmpipe.batch.records.records import BadRecord, Record
from mmpipe.core.reply import Attempts, Reply
from mmpipe.dataclass import dataclass
from mmpipe.errors import BadResponse, InputError
from mmpipe.text.json_encoding import encode_json
from mmpipe.text.strict_json import loads

_NAMES = ("id", "custom_id")


@dataclass(frozen=True, slots=True)
class LineForm:
    """The format of result lines, and the optional fields: thinking in both forms, the record's input in our own.

    `host` is the identity of the host that is asked; None in a replay without one. A recording names its own. `id_field` is the
    field that the user named as the id.
    """

    format: JournalFormat = "jsonl"
    with_thinking: bool = True
    pass_through: bool = False
    host: str | None = None
    id_field: str | None = None

    @classmethod
    def of(cls, options: BatchOptions) -> "LineForm":
        """The form that the options ask for."""
        output = options.output
        # A table begins with the columns of the input.
        passes = output.pass_through or output.format == "csv"
        id_field = options.records.id_field
        return cls(output.line_format, options.thinking.thinking == "split", passes, id_field=id_field)


def result_line(
    outcome: Outcome[Record], form: LineForm, earlier: int = 0, dollars: float | None = None
) -> bytes:
    """The line of an outcome that cost so many dollars; earlier runs made `earlier` attempts."""
    record, error = outcome.item, outcome.error
    host = outcome.reply.recorded_host or form.host
    identity = _identity(record, host, earlier + outcome.attempts.count)
    match form.format:
        case "openai":
            result = openai_outcome(outcome.reply, error, with_thinking=form.with_thinking)
            return _line({**openai_names(record.id, record.index), **result, **identity})
        case "jsonl":
            answer = outcome.reply.record(outcome.attempts, dollars, with_thinking=form.with_thinking)
            line = {
                **_named(record),
                "index": record.index,
                "response_id": answer.pop("id") or None,
                **answer,
                "error": None if error is None else error.as_json(),
                **_passed_through(record, form),
                **identity,
            }
            return _line(line)
        case _:
            assert_never(form.format)


def fitting_line(
    outcome: Outcome[Record], form: LineForm, earlier: int = 0, dollars: float | None = None
) -> tuple[Outcome[Record], bytes]:
    """The outcome and its line; a failure without the answer, if a later run could not read the line of the answer."""
    try:
        line = result_line(outcome, form, earlier, dollars)
    except RecursionError:
        fault = "its answer is nested too deep for a line of the output"
    else:
        if len(line) <= LINE_LIMIT:
            return outcome, line
        fault = f"its answer would be a line of {len(line)} bytes; the output takes {LINE_LIMIT}"
    reply = outcome.reply
    kept = Reply(id=reply.id, model=reply.model, request_id=reply.request_id, usage=reply.usage)
    error = outcome.error or BadResponse(fault, request_id=reply.request_id)
    failed = replace(outcome, reply=kept, error=error)
    return failed, result_line(failed, form, earlier, dollars)


def fitting_copy(line: bytes, record: Record, form: LineForm, earlier: int = 0) -> tuple[bytes, bool]:
    """The copied_line and True; a failure and False, if a later run could not read the line."""
    try:
        copied = copied_line(line, record, form, earlier)
    except (ValueError, RecursionError):
        fault = "the answer that it shares is nested too deep to be copied"
    else:
        if len(copied) <= LINE_LIMIT:
            return copied, True
        fault = (
            f"the answer that it shares would be a line of {len(copied)} bytes; the output takes {LINE_LIMIT}"
        )
    failed = Outcome(record, Reply(), Attempts(), BadResponse(fault))
    return result_line(failed, form, earlier), False


def copied_line(line: bytes, record: Record, form: LineForm, earlier: int = 0) -> bytes:
    """The line of a record that shares the answer in `line`, which has the same request under another id."""
    shared = loads(line.decode())
    assert isinstance(shared, dict)  # noqa: S101  a line of ours
    first = next(shared[name] for name in reversed(_NAMES) if name in shared)
    identity = {"same_as": first, **_identity(record, shared["host"], earlier)}
    match form.format:
        case "openai":
            return _line({**shared, **openai_names(record.id, record.index), **identity})
        case "jsonl":
            answer = {name: value for name, value in shared.items() if name not in (*_NAMES, "input")}
            unasked = {"index": record.index, "attempts": 0, "elapsed_ms": 0, "cost": 0.0}
            return _line({**_named(record), **answer, **unasked, **_passed_through(record, form), **identity})
        case _:
            assert_never(form.format)


def bad_record_line(record: BadRecord, form: LineForm) -> bytes:
    """The line of a record that could not be asked, with the same fields."""
    name, field = (
        str(record.index) if record.id is None else record.id,
        "custom_id" if record.custom_id else "id",
    )
    error = InputError(f"{record.source}, line {record.number}: {record.message}")
    has_own_id = record.id is not None
    identity = {"request_sha256": None, "attempt": 0, "host": form.host, "has_own_id": has_own_id}
    match form.format:
        case "openai":
            result = openai_outcome(Reply(), error, with_thinking=form.with_thinking)
            return _line({**openai_names(name, record.index), **result, **identity})
        case "jsonl":
            answer = Reply().record(Attempts(), with_thinking=form.with_thinking)
            del answer["id"]
            line = {field: name, "index": record.index, "response_id": None, **answer}
            return _line({**line, "error": error.as_json(), **_passed_through(record, form), **identity})
        case _:
            assert_never(form.format)


def _named(record: Record) -> dict[str, str]:
    return {"custom_id" if record.custom_id else "id": record.id}


def _passed_through(record: Record | BadRecord, form: LineForm) -> dict[str, object]:
    """The user's own fields, and the name of the field that was named as the id."""
    if record.fields is None or not (form.pass_through or record.is_row):
        return {}
    named = {} if form.id_field is None else {"id_field": form.id_field}
    return {"input": record.fields, **named}


def _identity(record: Record, host: object, attempt: int) -> dict[str, object]:
    """The fields by which a later run recognises the line."""
    return {
        "request_sha256": record.sha256,
        "attempt": min(attempt, MAX_ATTEMPT),
        "host": host,
        "has_own_id": record.has_own_id,
    }


def _line(record: Mapping[str, object]) -> bytes:
    return encode_json(record) + b"\n"
